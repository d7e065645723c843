"""Memory and CPU time of a worker, read often at next to no cost to the cores it computes on."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path

import psutil

from anatomy.bench.family import PROC, family
from anatomy.bench.host_use import Reading

# A worker seldom starts processes: they are looked for at every so many readings.
SEARCH_EVERY = 10

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Places in /proc/PID/stat of utime, stime and rss, counted from the state, which follows the name (proc(5)).
_USER, _SYSTEM, _RESIDENT = 11, 12, 21


class HostWatch:
    """Memory and CPU time of the process `pid` and of those it started."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self.pid = pid
        self._proc = proc
        self._readings = 0
        self._watched: list[psutil.Process] = []

    def read(self) -> Reading:
        """Of all of them together."""
        if self._readings % SEARCH_EVERY == 0:
            self._watched = family(self.pid, self._proc)
        self._readings += 1
        readings = [Reading()]
        for process in self._watched:
            with suppress(psutil.NoSuchProcess):
                readings.append(self._read(process))
        return Reading(sum(one.resident_bytes for one in readings), sum(one.cpu_s for one in readings))

    def _read(self, process: psutil.Process) -> Reading:
        """Both figures from one file; psutil, which reads two, is asked where the kernel has no such file."""
        try:
            return reading_of((self._proc / str(process.pid) / "stat").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            times = process.cpu_times()
            return Reading(int(process.memory_info().rss), times.user + times.system)


def reading_of(stat: bytes) -> Reading:
    """From the text of /proc/PID/stat, whose second field, the name in parentheses, may hold anything."""
    fields = stat[stat.rindex(b")") + 2 :].split()
    ticks = int(fields[_USER]) + int(fields[_SYSTEM])
    return Reading(int(fields[_RESIDENT]) * resource.getpagesize(), ticks * _TICK_S)
