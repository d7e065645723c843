"""What a fork server's Python says at start goes to its log, not among the events."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.fork_server import server_log

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("fake_server")]


@pytest.mark.usefixtures("cold_servers")
def test_a_warning_at_start_goes_to_the_log(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import warnings; warnings.warn('a package is old')")
    logs = tmp_path / "logs"
    client = ForkServerClient("jax", logs, environment={"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "default"})
    client.close()
    assert "a package is old" in server_log(logs, "jax").read_text()
