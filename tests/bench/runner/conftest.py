"""Fork servers whose backend is scripted."""

from __future__ import annotations

import os

import pytest

from anatomy.bench.runner import fork_client
from tests.bench.conftest import TESTS

FAKE_SERVER = "tests.fake_fork_server"


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start `tests.fake_fork_server` in the place of the fork server."""
    root = str(TESTS.parent)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}{before}" if before else root)
    monkeypatch.setattr(fork_client, "SERVER_MODULE", FAKE_SERVER)
