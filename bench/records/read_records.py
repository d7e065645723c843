"""The records of a run: all of them as they are, or compact and, of large files, on two cores."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from anatomy.bench.records.case import Case
from anatomy.bench.records.compact_records import RecordCompactor
from anatomy.bench.records.garbage_collector import no_collections
from anatomy.bench.records.jsonl import iterate_lines, read_lines
from anatomy.bench.records.record import SCHEMA_VERSION, Record
from anatomy.bench.records.second_process import in_second_process

# Intervals are derived of the records of so many lines at once.
BATCH = 500
# From this size on a second process saves more than it costs.
LARGE_BYTES = 1 << 25


def read_records(path: Path) -> list[Record]:
    """Read every record of a `records.jsonl`, in file order.

    Raises:
        UsageError: a line is damaged, or a newer Anatomy wrote it; the message names file and line.
    """
    return read_lines(path, Record, "a record", SCHEMA_VERSION, complaint=_complaint)


def read_compact(path: Path, planned: Sequence[Case], most_sampled: int = sys.maxsize) -> list[Record]:
    """Read every record as `read_records` does, compact; every second batch of a large file in a second process.

    Args:
        planned: cases that the records then have in common.
        most_sampled: of more cases the samples of the host, their largest part, are left out.

    Raises:
        UsageError: as for `read_records`, of the first such line.
    """
    compactor, found = RecordCompactor(planned, most_sampled), list[Record]()
    with no_collections():
        if path.stat().st_size < LARGE_BYTES or len(os.sched_getaffinity(0)) < 2:
            for batch in _batches(path, compactor):
                found += batch
            return found
        with in_second_process(lambda: map(compactor.pack, _batches(path, compactor, 1, 2))) as others:
            for batch in _batches(path, compactor, 0, 2):
                found += batch
                if (packed := next(others, None)) is not None:
                    found += compactor.unpack(packed)
    return found


def _batches(path: Path, compactor: RecordCompactor, first: int = 0, step: int = 1) -> Iterator[list[Record]]:
    """The compact records of each batch of lines, or of every second one."""
    with path.open("rb") as file:
        for place in count():
            lines = list(islice(file, BATCH))
            if not lines:
                return
            if place % step == first:
                read = iterate_lines(
                    lines,
                    path,
                    Record,
                    "a record",
                    SCHEMA_VERSION,
                    first=1 + place * BATCH,
                    prepare=compactor.prepare,
                    complaint=_complaint,
                )
                batch = list(read)
                compactor.compact(batch)
                yield batch


def _complaint(record: Record) -> str:
    return f"outcome: ok, and without {record.lacks}" if record.lacks else ""
