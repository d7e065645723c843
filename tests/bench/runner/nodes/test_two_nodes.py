"""`anatomy run --nodes` in two real processes on the loopback interface, as a launcher starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.errors import exit_codes
from anatomy.bench.parallel.rendezvous import free_port
from anatomy.bench.records.case import Backend
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import load_run
from tests.command import anatomy

PARALLEL = [backend for backend in installed_backends() if backend != "openvino"]
HOST = "127.0.0.1"
DONE_S = 240.0

Launch = Callable[..., tuple[subprocess.Popen[str], subprocess.Popen[str]]]


@pytest.fixture
def launch(tmp_path: Path, heeds_interrupts: None) -> Iterator[Launch]:
    """Start the same command as rank 0 and as rank 1; whatever still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []
    port = free_port(HOST)

    def start(*arguments: str) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
        command = [sys.executable, "-m", "anatomy.bench.cli", "run", "--nodes", "--no-history", "--no-report"]
        for rank in (0, 1):
            variables = {
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": HOST,
                "ANATOMY_PORT": str(port),
            }
            started.append(
                subprocess.Popen(
                    [*command, "--out", str(tmp_path / "run"), *arguments],
                    cwd=tmp_path,
                    env=os.environ | variables,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        return started[0], started[1]

    yield start
    for process in started:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


@pytest.mark.backends
@pytest.mark.extended
def test_two_nodes_train_as_one_device_on_every_backend(launch: Launch, tmp_path: Path) -> None:
    lead, member = launch(
        "mlp:hidden=32", "--backend", ",".join(PARALLEL), "--devices", "2", "--batch-size", "8", "--seconds", "0.2"
    )
    assert "not measured" not in _ended(lead, exit_codes.OK)
    assert _ended(member, exit_codes.OK) == ""
    records = load_run(tmp_path / "run").records
    assert [(r.outcome, r.reason) for r in records] == [("ok", "")] * 2 * len(PARALLEL)
    for record in records:
        assert (record.case.devices, record.case.nodes, record.case.batch_size) == (2, 2, 16)
        assert record.settings["devices"] == 2
        assert record.name.endswith("2 devices on 2 nodes")
        if record.case.mode == "train":
            assert record.equality is not None
            assert record.equality.verdict == "equal", record.equality
            assert record.all_reduce is not None
            assert len(record.all_reduce.seconds) > 1


@pytest.mark.backends
@pytest.mark.parametrize(
    "backend", [pytest.param(b, marks=() if b == "jax" else pytest.mark.extended) for b in PARALLEL]
)
def test_a_killed_rank_ends_the_case_as_a_record_and_the_next_one_runs(
    backend: Backend, launch: Launch, tmp_path: Path
) -> None:
    long = ("--seconds", "60", "--target", "0.000001", "--mode", "infer", "--batch-size", "8,16", "--devices", "2")
    lead, member = launch("mlp:hidden=32", "--backend", backend, "--timeout", "90", *long)
    first, *_ = _workers_that_stay(member, 1)
    os.kill(first, signal.SIGKILL)
    # The second case has begun where the first has its record.
    _until(lambda: len(_records(tmp_path)) == 1, 30)
    (record,) = _records(tmp_path)
    assert record.outcome == "crashed"
    assert "rank 1 on 127.0.0.1 has ended" in record.reason
    assert "node 1" in record.reason
    assert "SIGKILL" in record.reason
    second, *_ = _workers_that_stay(member, 1)
    assert second != first
    # Now the whole node.
    for child in psutil.Process(member.pid).children(recursive=True):
        child.kill()
    member.kill()
    said = _ended(lead, exit_codes.NOTHING_MEASURED)
    assert "0 measured, 2 not" in said
    assert [r.outcome for r in _records(tmp_path)] == ["crashed", "crashed"]
    assert not _workers(lead)


@pytest.mark.backends
def test_a_run_without_its_other_node_says_so(launch: Launch, tmp_path: Path) -> None:
    lead, member = launch("mlp:hidden=32", "--backend", "nonsense")
    assert "nonsense" in _ended(lead, exit_codes.USAGE)
    member.send_signal(signal.SIGINT)
    member.wait(30)


def test_no_launcher_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "PMI_RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)
    done = anatomy("run", "mlp", "--nodes", folder=tmp_path)
    assert done.code == exit_codes.USAGE
    assert "--nodes needs a launcher" in done.err


def _ended(process: subprocess.Popen[str], code: int) -> str:
    said, _ = process.communicate(timeout=DONE_S)
    assert process.returncode == code, said
    return said


def _records(folder: Path) -> list[Record]:
    return load_run(folder / "run").records if (folder / "run" / "records.jsonl").exists() else []


def _workers(process: subprocess.Popen[str]) -> list[int]:
    """The children of a supervisor's hosts."""
    try:
        hosts = psutil.Process(process.pid).children()
        return [worker.pid for host in hosts for worker in host.children() if worker.status() != "zombie"]
    except psutil.NoSuchProcess:
        return []


def _workers_that_stay(process: subprocess.Popen[str], count: int, seconds: float = 3.0) -> list[int]:
    """Those that measure: others look a model up and end at once."""
    found: list[int] = []

    def stay() -> bool:
        found[:] = _workers(process)
        if len(found) < count:
            return False
        time.sleep(seconds)
        return _workers(process) == found

    _until(stay, 60)
    return found


def _until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.1)
