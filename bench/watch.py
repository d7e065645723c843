"""Resident memory of a worker, read often at next to no cost to the cores it computes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from anatomy.bench.family import PROC, family

# A worker seldom starts processes: they are looked for at every so many readings.
SEARCH_EVERY = 10


class MemoryWatch:
    """Memory of the process `pid` and of those it started."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self.pid = pid
        self._proc = proc
        self._readings = 0
        self._watched: list[psutil.Process] = []

    def read(self) -> int:
        """Bytes of all of them; 0 once they are gone."""
        if self._readings % SEARCH_EVERY == 0:
            self._watched = family(self.pid, self._proc)
        self._readings += 1
        total = 0
        for process in self._watched:
            with suppress(psutil.NoSuchProcess):
                total += int(process.memory_info().rss)
        return total
