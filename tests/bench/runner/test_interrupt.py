"""Ctrl-C keeps what was finished, and `--resume` measures the rest and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anatomy.bench.errors import exit_codes
from anatomy.bench.records.run_store import RECORDS_FILE, load_run
from tests.bench.conftest import heed_interrupts

ANATOMY = [sys.executable, "-c", "from anatomy.bench.cli.main import main; main()"]
MODELS = ["mlp", "mlp:hidden=8", "mlp:hidden=9", "mlp:hidden=10"]


@pytest.mark.backends
def test_ctrl_c_then_resume(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--backend", "tensorflow", "--mode", "infer", "--seconds", "1.5", "--out", str(run)]
    # A session of its own: the terminal sends SIGINT to the whole foreground group, hosts and workers too.
    with subprocess.Popen(
        [*ANATOMY, "run", *MODELS, *options], start_new_session=True, text=True, preexec_fn=heed_interrupts
    ) as process:
        _wait_for_lines(run / RECORDS_FILE, 2, process)
        group = os.getpgid(process.pid)
        os.killpg(group, signal.SIGINT)
        assert process.wait(timeout=30) == exit_codes.INTERRUPTED
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)

    before = load_run(run)
    assert 2 <= len(before.records) < len(MODELS)
    assert all(record.outcome == "ok" for record in before.records)
    assert (run / "report.html").stat().st_size > 0

    done = subprocess.run([*ANATOMY, "run", "--resume", str(run)], capture_output=True, text=True, check=False)

    assert done.returncode == exit_codes.OK, done.stderr
    after = load_run(run)
    assert [record.case for record in after.records] == after.header.planned
    assert after.records[: len(before.records)] == before.records


def test_resume_takes_no_other_options(tmp_path: Path) -> None:
    done = subprocess.run(
        [*ANATOMY, "run", "mlp", "--resume", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == exit_codes.USAGE
    assert "leave out MODEL" in done.stderr


def _wait_for_lines(path: Path, lines: int, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_text().count("\n") >= lines:
            return
        time.sleep(0.05)
    pytest.fail(f"{path} did not reach {lines} lines")
