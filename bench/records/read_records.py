"""The records of a run: as they are, or compact."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from anatomy.bench.records.case import Case
from anatomy.bench.records.compact_records import RecordCompactor
from anatomy.bench.records.garbage_collector import no_collections
from anatomy.bench.records.jsonl import iterate_lines, open_lines, read_lines
from anatomy.bench.records.record import SCHEMA_VERSION, Record

# Intervals are derived of the records of so many lines at once.
BATCH = 500


def read_records(path: Path) -> list[Record]:
    """Read every record of a `records.jsonl`, in file order.

    Raises:
        UsageError: a line is damaged, or a newer Anatomy wrote it; the message names file and line.
    """
    return read_lines(path, Record, "a record", SCHEMA_VERSION, complaint=_complaint)


def read_compact(path: Path, planned: Sequence[Case], most_sampled: int = sys.maxsize) -> list[Record]:
    """Read every record as `read_records` does, compact.

    Args:
        planned: cases that the records then have in common.
        most_sampled: of more cases the samples of the host, their largest part, are left out.

    Raises:
        UsageError: as for `read_records`.
    """
    compactor, found = RecordCompactor(planned, most_sampled), list[Record]()
    with no_collections(), open_lines(path) as file:
        lines = iterate_lines(
            file, path, Record, "a record", SCHEMA_VERSION, prepare=compactor.prepare, complaint=_complaint
        )
        while batch := list(islice(lines, BATCH)):
            compactor.compact(batch)
            found += batch
    return found


def _complaint(record: Record) -> str:
    return f"outcome: ok, and without {record.lacks}" if record.lacks else ""
