"""What others use of the worker's CPUs, from a kernel's answers made by hand and from this machine's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.others_load import OthersMeter, cpu_times, supervisor_pid, tree_time_s

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def ticks(seconds: float) -> int:
    return round(seconds / TICK_S)


def write_stat(proc: Path, cpus: Mapping[int, tuple[float, float, float]]) -> None:
    """Seconds in user mode, idle and stolen for each CPU."""
    rows = [
        f"cpu{n} {ticks(user)} 0 0 {ticks(idle)} 0 0 0 {ticks(steal)} 0 0" for n, (user, idle, steal) in cpus.items()
    ]
    (proc / "stat").write_text("\n".join(["cpu  1 2 3 4 5 6 7 8 0 0", *rows, "intr 5", ""]))


def write_process(proc: Path, pid: int, parent: int, own_s: float, ended_children_s: float = 0.0) -> None:
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
    fields = ["S", str(parent), *["0"] * 9, str(ticks(own_s)), "0", str(ticks(ended_children_s)), "0", *["0"] * 30]
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) " + " ".join(fields))
    children = proc / str(pid) / "task" / str(pid) / "children"
    children.touch()
    above = proc / str(parent) / "task" / str(parent) / "children"
    if above.exists() and str(pid) not in above.read_text().split():
        above.write_text(f"{above.read_text()}{pid} ")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Supervisor 10 → fork server 11 → worker 12, and a stranger 20; a second passes between two readings."""
    monkeypatch.setattr(os, "getppid", lambda: 11)
    clock = iter([100.0, 101.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    for pid, parent, own_s in ((10, 1, 5.0), (11, 10, 1.0), (12, 11, 2.0), (20, 1, 9.0)):
        write_process(tmp_path, pid, parent, own_s)
    write_stat(tmp_path, {0: (50.0, 50.0, 1.0), 1: (50.0, 50.0, 1.0), 2: (0.0, 100.0, 0.0)})
    return tmp_path


def test_others_are_all_but_the_supervisors_tree(machine: Path) -> None:
    meter = OthersMeter({0, 1}, machine)
    # Of two CPUs, 1.6 s were busy: 1.0 the worker's, 0.1 the supervisor's, 0.5 a stranger's; 0.2 s were stolen.
    write_process(machine, 12, 11, 3.0)
    write_process(machine, 10, 1, 5.1)
    write_stat(machine, {0: (51.0, 50.0, 1.1), 1: (50.6, 50.2, 1.1), 2: (1.0, 100.0, 0.0)})
    load = meter.read()
    assert load.cores == pytest.approx(0.5, abs=0.02)
    assert load.steal_share == pytest.approx(0.1, abs=0.01)
    assert load.why_not == ""


def test_a_child_that_ended_in_the_window_is_no_other(machine: Path) -> None:
    write_process(machine, 13, 12, 1.0)
    meter = OthersMeter({0, 1}, machine)
    # It used another 0.5 s, and its parent waited for it.
    (machine / "13" / "stat").unlink()
    write_process(machine, 12, 11, 2.0, ended_children_s=1.5)
    write_stat(machine, {0: (50.5, 50.5, 1.0), 1: (50.0, 51.0, 1.0), 2: (0.0, 101.0, 0.0)})
    assert meter.read().cores == pytest.approx(0.0, abs=0.02)


def test_cpus_that_the_worker_may_not_use_do_not_count(machine: Path) -> None:
    meter = OthersMeter({2}, machine)
    write_stat(machine, {0: (51.0, 50.0, 2.0), 1: (51.0, 50.0, 2.0), 2: (0.25, 100.75, 0.0)})
    load = meter.read()
    assert load.cores == pytest.approx(0.25, abs=0.02)
    assert load.steal_share == 0.0


def test_a_worker_that_the_kernel_credits_with_more_than_its_ticks_leaves_nothing_negative(machine: Path) -> None:
    meter = OthersMeter({0}, machine)
    write_process(machine, 12, 11, 9.0)
    write_stat(machine, {0: (50.9, 50.1, 1.0)})
    assert meter.read().cores == 0.0


@pytest.mark.parametrize(
    "stat",
    [
        None,
        "",
        "cpu 1 2\n",
        "cpu0 a b c d e f g h\n",
        "cpu0 1 2 3\n",
        "\x00\n",
        "cpu9 " + "1 " * 8,
        f"cpu0 {10**400}" + " 1" * 7,
    ],
)
def test_a_kernel_that_does_not_say_leaves_a_reason(machine: Path, stat: str | None) -> None:
    (machine / "stat").unlink()
    if stat is not None:
        (machine / "stat").write_text(stat)
    load = OthersMeter({0, 1}, machine).read()
    assert (load.cores, load.steal_share) == (None, None)
    assert "/proc/stat" in load.why_not


def test_a_kernel_whose_counters_stand_still_leaves_a_reason(machine: Path) -> None:
    assert "did not move" in OthersMeter({0, 1}, machine).read().why_not


@given(st.binary(max_size=200))
def test_any_bytes_are_times_or_none(text: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "stat").write_bytes(text)
        assert cpu_times({0}, Path(folder)) is None or b"cpu0" in text
        (Path(folder) / "7").mkdir()
        (Path(folder) / "7" / "stat").write_bytes(text)
        assert isinstance(tree_time_s(7, Path(folder)), float)


def test_the_supervisor_is_the_parents_parent() -> None:
    parent = psutil.Process(os.getppid()).ppid()
    assert supervisor_pid() == (parent if parent > 1 else os.getpid())


@pytest.mark.process
def test_a_foreign_process_is_seen_on_this_machine() -> None:
    start = "subprocess.Popen([sys.executable, '-c', 'while True: pass'], stdout=-3, start_new_session=True)"
    code = f"import subprocess, sys; print({start}.pid)"
    pid = int(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout)
    try:
        cores = []
        # Beside other tests it may wait for a core.
        for _ in range(20):
            meter = OthersMeter()
            time.sleep(0.5)
            cores.append(meter.read().cores)
            if cores[-1] is None or cores[-1] > 0.3:
                break
    finally:
        psutil.Process(pid).kill()
    assert cores[-1] is not None
    assert 0.3 < cores[-1] <= len(os.sched_getaffinity(0)) * 1.1
