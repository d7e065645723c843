"""A run's header has the memory limit that was in effect; a kill for want of memory is `oom`, any other `crashed`."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from anatomy.bench.protocol.events import Event, Exited, Forked, PhaseBegan
from anatomy.bench.records.run_store import load_run
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner import open_run, worker_handle
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.requests import MeasureCase, WorkerPlace
from anatomy.bench.runner.run_plan import RunPlan
from anatomy.bench.runner.supervisor import usable_memory_bytes
from anatomy.bench.runner.worker_handle import WorkerHandle
from tests.factories import make_case, make_environment

GIB = 2**30


@pytest.mark.parametrize(("given", "here", "recorded"), [(None, True, 7 * GIB), (GIB, True, GIB), (None, False, None)])
def test_the_header_has_the_limit_in_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int | None, here: bool, recorded: int | None
) -> None:
    monkeypatch.setattr(open_run, "usable_memory_bytes", lambda: 7 * GIB)
    plan = RunPlan("x", [make_case()], MeasureSettings(memory_limit_bytes=given))
    opened = open_run.open_run(plan, tmp_path / "run", make_environment(), [], here)
    assert opened.settings.memory_limit_bytes == recorded
    assert load_run(tmp_path / "run").header.settings["memory_limit_bytes"] == recorded


def test_nine_tenths_of_the_free_memory_are_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anatomy.bench.runner.supervisor.free_host_bytes", lambda: 10 * GIB)
    assert usable_memory_bytes() == 9 * GIB


class Server(ForkServerClient):
    """A fork server whose worker is killed while it compiles."""

    def __init__(self, pid: int) -> None:
        self._events: list[Event] = [Forked(pid=pid), PhaseBegan(name="compile"), Exited(code=-signal.SIGKILL)]

    def send(self, request: object) -> None:
        """Ignore."""

    def receive(self, timeout_s: float) -> Event:
        return self._events.pop(0)


@pytest.mark.parametrize(
    ("kills", "outcome", "reason"),
    [
        ((3, 4), "oom", "the kernel's out-of-memory killer ended the worker in phase compile"),
        ((3, 3), "crashed", "the worker was ended by SIGKILL in phase compile"),
        ((None, None), "crashed", "the worker was ended by SIGKILL in phase compile"),
    ],
)
def test_a_killed_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: tuple[int | None, ...], outcome: str, reason: str
) -> None:
    counted = list(kills)
    monkeypatch.setattr(worker_handle, "out_of_memory_kills", lambda: counted.pop(0))
    place = WorkerPlace(log=tmp_path / "log", directory=tmp_path)
    request = MeasureCase(place=place, settings=MeasureSettings(), case=make_case())
    with subprocess.Popen(["sleep", "0"]) as child:
        result = WorkerHandle(Server(child.pid), request).run_to_end()
    assert (result.outcome, result.reason) == (outcome, reason)
