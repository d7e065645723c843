"""Memory and CPU time of a worker over its life, as its supervisor sampled them: a part of a record."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from pydantic import model_validator

from anatomy.bench.records.checked_numbers import ByteCount, Duration
from anatomy.bench.records.frozen import Frozen

# A long case keeps every second, fourth, … sample: a record stays small.
MOST_SAMPLES = 512


class Reading(NamedTuple):
    """A reading of a worker and the processes that it started; all zero once they are gone.

    Attributes:
        resident_bytes: resident memory now.
        cpu_s: CPU seconds so far, in user and in system mode.
    """

    resident_bytes: int = 0
    cpu_s: float = 0.0


class HostUse(Frozen):
    """Samples, in columns, of a worker and the processes that it started.

    Attributes:
        at_s: seconds since the request to the worker, where its phases begin.
        resident_bytes: resident memory; peaks between two samples are missing (`peak_host_bytes` has them).
        cpu_s: CPU seconds until then.
    """

    at_s: list[Duration]
    resident_bytes: list[ByteCount]
    cpu_s: list[Duration]

    @model_validator(mode="after")
    def _columns(self) -> HostUse:
        if not len(self.at_s) == len(self.resident_bytes) == len(self.cpu_s):
            raise ValueError("expected as many values in each column")
        if any(later <= earlier for earlier, later in pairwise(self.at_s)):
            raise ValueError("at_s: expected each sample later than the one before")
        return self

    def cores(self) -> list[tuple[float, float]]:
        """Return the mean number of cores in use between two samples, with the time of the second, for each pair."""
        samples = pairwise(zip(self.at_s, self.cpu_s, strict=True))
        # A process that has ended takes its CPU time with it.
        return [(end, max(0.0, after - before) / (end - start)) for (start, before), (end, after) in samples]


class HostUseSeries:
    """Collects readings as they come, and thins them evenly once there are many."""

    def __init__(self, most: int = MOST_SAMPLES) -> None:
        self._most = most
        self._stride = 1
        self._taken = 0
        self._kept: list[tuple[float, Reading]] = []

    def add(self, at_s: float, reading: Reading) -> None:
        """Add a reading that is later than those before."""
        if self._taken % self._stride == 0:
            self._kept.append((at_s, reading))
        self._taken += 1
        if len(self._kept) > self._most:
            self._kept = self._kept[::2]
            self._stride *= 2

    def result(self) -> HostUse | None:
        """Return the readings that were kept; `None` where there was no reading."""
        if not self._kept:
            return None
        return HostUse(
            at_s=[at_s for at_s, _ in self._kept],
            resident_bytes=[reading.resident_bytes for _, reading in self._kept],
            cpu_s=[reading.cpu_s for _, reading in self._kept],
        )
