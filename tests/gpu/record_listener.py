"""A listener of runs that hands on each record as soon as it is on disk."""

from __future__ import annotations

from collections.abc import Callable

from anatomy.bench.records.record import Record
from anatomy.bench.runner.measure_run import SilentRun


class RecordListener(SilentRun):
    """Calls a function with each record."""

    def __init__(self, found: Callable[[Record], None]) -> None:
        self._found = found

    def end(self, record: Record) -> None:
        """Hand it on."""
        print(record.name, record.outcome, record.reason, flush=True)
        self._found(record)
