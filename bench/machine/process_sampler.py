"""Memory and CPU time of a worker and its children, read often at little cost to the cores that they compute on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

from anatomy.bench.machine.process_tree import PROC, family
from anatomy.bench.records.process_usage import Reading

# Workers seldom start processes: new ones are looked for every tenth reading.
SEARCH_EVERY = 10

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# /proc/PID/stat has 52 numbers of at most 20 digits.
_LONGEST = 4096
# Places in /proc/PID/stat of utime, stime and rss, counted from the state, which follows the name (proc(5)).
_USER, _SYSTEM, _RESIDENT = 11, 12, 21
_BEYOND = 2**64


class ProcessSampler:
    """Memory and CPU time of the process `pid` and of those it started."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self.pid = pid
        self._proc = proc
        self._readings = 0
        # Process id → its file, as text: between two readings the worker empties the caches, and a Path costs twice
        # what reading the file does.
        self._watched: dict[int, str] = {}

    def read(self) -> Reading:
        """Their sum now; zero once all have ended."""
        if self._readings % SEARCH_EVERY == 0:
            self._watched = {pid: str(self._proc / str(pid) / "stat") for pid in family(self.pid, self._proc)}
        self._readings += 1
        resident_bytes, cpu_s = 0, 0.0
        for pid, file in self._watched.items():
            one = _read(pid, file)
            resident_bytes += one.resident_bytes
            cpu_s += one.cpu_s
        return Reading(resident_bytes, cpu_s)


def _read(pid: int, file: str) -> Reading:
    """Read both figures from one file; where the kernel has no such file, or another kind, psutil reads two."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            return reading_of(os.read(descriptor, _LONGEST))
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            times = process.cpu_times()
            return Reading(int(process.memory_info().rss), times.user + times.system)
        return Reading()


def reading_of(stat: bytes) -> Reading:
    """Parse the text of /proc/PID/stat. Its second field is a name in parentheses, which may hold any character.

    Raises:
        ValueError: fields are missing, or are no numbers of 64 bits.
    """
    fields = stat.rpartition(b")")[2].split(None, _RESIDENT + 1)
    if len(fields) <= _RESIDENT:
        raise ValueError(f"expected at least {_RESIDENT + 1} fields behind the name, got {len(fields)}")
    user, system, resident = int(fields[_USER]), int(fields[_SYSTEM]), int(fields[_RESIDENT])
    if not all(0 <= value < _BEYOND for value in (user, system, resident)):
        raise ValueError(f"expected numbers of 64 bits, got {user}, {system}, {resident}")
    return Reading(resident * _PAGE_BYTES, (user + system) * _TICK_S)
