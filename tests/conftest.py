"""For the whole test suite."""

from __future__ import annotations

import os

# Runs of the tests are no part of anyone's history.
os.environ["ANATOMY_HISTORY"] = "off"

pytest_plugins = ["pytester"]
