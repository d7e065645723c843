"""Memory and CPU time of a worker, read often at next to no cost to the cores it computes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from anatomy.bench.family import PROC, family
from anatomy.bench.host_use import Reading

# A worker seldom starts processes: they are looked for at every so many readings.
SEARCH_EVERY = 10


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
        resident_bytes, cpu_s = 0, 0.0
        for process in self._watched:
            with suppress(psutil.NoSuchProcess):
                resident_bytes += int(process.memory_info().rss)
                times = process.cpu_times()
                cpu_s += times.user + times.system
        return Reading(resident_bytes, cpu_s)
