"""Resident memory of a worker, read often at next to no cost to the cores it computes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

# A worker seldom starts processes: they are looked for at every so many readings.
SEARCH_EVERY = 10


class MemoryWatch:
    """Memory of the process `pid` and of those it started.

    psutil's `children` reads every process of the machine, which costs a busy case part of a core; the kernel's list of
    a thread's children (proc(5), `task/TID/children`) is read instead, and psutil only asked where there is none.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        self.pid = pid
        self._proc = proc
        self._readings = 0
        self._watched: list[psutil.Process] = []

    def read(self) -> int:
        """Bytes of all of them; 0 once they are gone."""
        if self._readings % SEARCH_EVERY == 0:
            self._watched = self._family()
        self._readings += 1
        total = 0
        for process in self._watched:
            with suppress(psutil.NoSuchProcess):
                total += int(process.memory_info().rss)
        return total

    def _family(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        todo = [self.pid]
        while todo:
            pid = todo.pop()
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
                todo += self._children(pid)
        return found

    def _children(self, pid: int) -> list[int]:
        try:
            lists = [(task / "children").read_text() for task in (self._proc / str(pid) / "task").iterdir()]
        except FileNotFoundError:
            return [child.pid for child in psutil.Process(pid).children()]
        return [int(child) for text in lists for child in text.split()]
