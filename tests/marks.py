"""Which parameters the default run of the tests leaves to the extended one, or to the slow one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def extended_but(values: Sequence[str], *default: str) -> list[Any]:
    """The values as parameters, all but `default` marked as extended."""
    return [pytest.param(value, marks=() if value in default else pytest.mark.extended) for value in values]


def slow_but(values: Sequence[str], *default: str) -> list[Any]:
    """The values as parameters, all but `default` marked as slow."""
    return [pytest.param(value, marks=() if value in default else pytest.mark.slow) for value in values]
