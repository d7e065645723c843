"""A project under git, as the gate's tests have it."""

from __future__ import annotations

from tests.bench.regression_gate.conftest import project  # noqa: F401
