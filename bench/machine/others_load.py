"""What other processes and the hypervisor take of this process's CPUs over a stretch of time, from `/proc`."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from anatomy.bench.machine.process_tree import PROC, family

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Columns of a CPU's line in /proc/stat after its name (proc(5)): user and nice contain the time of guests.
_BUSY, _STEAL, _COLUMNS = (0, 1, 2, 5, 6), 7, 8
# The kernel counts in 64 bits.
_MOST_TICKS = 1 << 64
# Places in /proc/PID/stat after the name: ppid; utime, stime, and those of children that were waited for.
_PARENT, _TIMES = 1, slice(11, 15)


class OthersLoad(NamedTuple):
    """Load by others over a stretch of time.

    Attributes:
        cores: CPU seconds of all processes but Anatomy's own per second; `None` where unknown.
        steal_share: share of the CPUs' time that the hypervisor took; `None` where unknown.
        why_not: why they are unknown; empty otherwise.
    """

    cores: float | None
    steal_share: float | None
    why_not: str = ""


class _CpuTimes(NamedTuple):
    busy_s: float
    steal_s: float
    total_s: float


class OthersMeter:
    """Compares the CPUs' times with those of Anatomy's own processes from its making until `read`.

    Own are the supervisor, which started this worker's fork server, and all of its descendants.

    Args:
        cpus: those that are looked at; by default the ones that this process may use.
        proc: where the kernel tells.
    """

    def __init__(self, cpus: Collection[int] | None = None, proc: Path = PROC) -> None:
        self._cpus = os.sched_getaffinity(0) if cpus is None else cpus
        self._proc = proc
        self._root = supervisor_pid(proc)
        self._began_s = time.perf_counter()
        self._own_s = self._own()
        self._times = cpu_times(self._cpus, proc)

    def read(self) -> OthersLoad:
        """The load since this meter was made."""
        times, own_s = cpu_times(self._cpus, self._proc), self._own()
        seconds = time.perf_counter() - self._began_s
        before = self._times
        if times is None or before is None:
            return OthersLoad(None, None, "the kernel has no /proc/stat with a line for each CPU")
        total_s = times.total_s - before.total_s
        if total_s <= 0 or seconds <= 0:
            return OthersLoad(None, None, "/proc/stat did not move over the window")
        others_s = times.busy_s - before.busy_s - max(0.0, own_s - self._own_s)
        steal_s = min(max(0.0, times.steal_s - before.steal_s), total_s)
        return OthersLoad(max(0.0, others_s) / seconds, steal_s / total_s)

    def _own(self) -> float:
        return sum(tree_time_s(pid, self._proc) for pid in family(self._root, self._proc))


def supervisor_pid(proc: Path = PROC) -> int:
    """The parent of this process's parent: supervisor → fork server → worker; this process where it has none."""
    with suppress(OSError, ValueError, IndexError):
        found = int(_fields(proc / str(os.getppid()) / "stat")[_PARENT])
        # 1 and 0 are parents of orphans, and of what starts outside a container.
        if found > 1:
            return found
    return os.getpid()


def tree_time_s(pid: int, proc: Path = PROC) -> float:
    """CPU seconds of a process and of its children that ended and were waited for; 0 once it has gone itself."""
    with suppress(OSError, ValueError, IndexError, OverflowError):
        return sum(map(int, _fields(proc / str(pid) / "stat")[_TIMES])) * _TICK_S
    return 0.0


def cpu_times(cpus: Collection[int], proc: Path = PROC) -> _CpuTimes | None:
    """Seconds since the start of the machine, added up over these CPUs; `None` where the kernel does not say."""
    try:
        lines = (proc / "stat").read_text().splitlines()
    except (OSError, ValueError):
        return None
    wanted = {f"cpu{cpu}" for cpu in cpus}
    rows = [fields[1:] for fields in map(str.split, lines) if fields and fields[0] in wanted]
    try:
        ticks = [[int(value) for value in row[:_COLUMNS]] for row in rows]
    except ValueError:
        return None
    if not ticks or any(len(row) < _COLUMNS or not 0 <= min(row) <= max(row) < _MOST_TICKS for row in ticks):
        return None
    return _CpuTimes(
        busy_s=sum(row[column] for row in ticks for column in _BUSY) * _TICK_S,
        steal_s=sum(row[_STEAL] for row in ticks) * _TICK_S,
        total_s=sum(map(sum, ticks)) * _TICK_S,
    )


def _fields(stat: Path) -> list[bytes]:
    """The fields of /proc/PID/stat after the name, which may hold any character."""
    return stat.read_bytes().rpartition(b")")[2].split()
