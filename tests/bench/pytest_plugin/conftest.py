"""For the tests that run a pytest of their own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-benchmark switches itself off in a worker of xdist, which the other pytest is not."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
