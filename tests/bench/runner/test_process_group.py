"""A worker is killed whether or not it leads a group yet."""

from __future__ import annotations

import signal
import subprocess

import psutil
import pytest

from anatomy.bench.runner.process_group import kill_group


@pytest.mark.long
@pytest.mark.parametrize("leads", [True, False])
def test_it_is_killed(leads: bool) -> None:
    command = ["sh", "-c", "sleep 60 & echo started; wait" if leads else "echo started; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=leads) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = psutil.Process(process.pid).children()
        kill_group(process.pid)
        assert process.wait(timeout=10) == -signal.SIGKILL
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert len(children) == leads
    kill_group(process.pid)
