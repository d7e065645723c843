"""The batch sizes of a case, from its records: the largest that fits, and where throughput stops growing."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.statistics.saturation import Rate, Saturation, saturation

# An invalid case has run: its memory is known, its figures are not.
_RAN = ("ok", "invalid")


@dataclass(frozen=True)
class BatchSizes:
    """Results of one case at several batch sizes.

    Attributes:
        tried: all batch sizes that were tried, ascending.
        largest: largest batch size that fits; `None` where none does.
        largest_record: record at that batch size.
        too_large: record at the smallest larger batch size that does not fit; `None` where none was tried.
        why: why that batch size does not fit.
        growth: where throughput stops growing; `None` below three batch sizes.
    """

    tried: tuple[int, ...]
    largest: int | None
    largest_record: Record | None
    too_large: Record | None
    why: str
    growth: Saturation | None

    @property
    def by_memory(self) -> bool:
        """Whether the next larger batch size lacks memory, rather than crashing or timing out."""
        return self.too_large is not None and self.too_large.outcome in (*_RAN, "oom")

    def to_dict(self) -> dict[str, Any]:
        """Return the published JSON object."""
        shown = self.largest_record or self.too_large
        growth = self.growth
        return {
            "name": shown.name if shown else None,
            "key": shown.key if shown else None,
            "tried": list(self.tried),
            "largest_batch_size": self.largest,
            "too_large_batch_size": self.too_large.case.batch_size if self.too_large else None,
            "why_too_large": self.why or None,
            "best_batch_size": growth.best.batch_size if growth else None,
            "best_examples_per_s": growth.best.examples_per_s if growth else None,
            "throughput_may_stop_growing_at": growth.may if growth and not growth.growing else None,
            "throughput_surely_stops_growing_at": growth.surely if growth and not growth.growing else None,
            "throughput_still_grows": growth.growing if growth else None,
        }


def with_batch_size(case: Case, batch_size: int) -> Case:
    """Return the same case with another batch size; a stateful model is built for that size."""
    options = {**case.options, "batch_size": batch_size} if case.options.get("stateful") else case.options
    return Case(**{**case.fields(), "batch_size": batch_size, "options": options})


def alike_but_batch(case: Case, **stand_ins: Any) -> tuple[Hashable, ...]:
    """A value that cases share which differ in batch size, and in the fields `stand_ins`, alone.

    Of cases on several devices these are the batches that `with_batch_size` makes equal.
    """
    options = {name: value for name, value in case.options.items() if name != "batch_size"}
    stateful = {"options": json.dumps(options, sort_keys=True)} if case.options.get("stateful") else {}
    return case.alike(batch_size=0, **stateful, **stand_ins)


def smallest_batch(case: Case) -> int:
    """Return the smallest batch size: one example for each copy of the weights."""
    return case.devices // case.model_parallel


def why_too_large(record: Record, memory_limit_bytes: int | None) -> str:
    """Return why a record's batch size does not fit; empty where it does.

    The process sampler misses a peak between two samples; the record has the kernel's own peak.
    """
    if record.outcome not in _RAN:
        return f"{record.outcome}: {record.reason}"
    peak = record.peak_host_bytes
    if memory_limit_bytes is None or peak is None or peak <= memory_limit_bytes:
        return ""
    return f"a peak of {peak / 2**30:.2f} GiB above the limit of {memory_limit_bytes / 2**30:.2f} GiB"


def summarise_batch_sizes(records: Sequence[Record], memory_limit_bytes: int | None) -> BatchSizes:
    """Summarise one case at several batch sizes, from its records at all of them."""
    ordered = sorted(records, key=lambda record: record.case.batch_size)
    fitting = [record for record in ordered if not why_too_large(record, memory_limit_bytes)]
    largest = fitting[-1] if fitting else None
    above = [r for r in ordered if largest is None or r.case.batch_size > largest.case.batch_size]
    too_large = above[0] if above else None
    return BatchSizes(
        tried=tuple(record.case.batch_size for record in ordered),
        largest=largest.case.batch_size if largest else None,
        largest_record=largest,
        too_large=too_large,
        why=why_too_large(too_large, memory_limit_bytes) if too_large else "",
        growth=saturation([rate for record in fitting if (rate := _rate(record))]),
    )


def group_by_case(records: Iterable[Record]) -> list[list[Record]]:
    """Group the records of timed cases that differ only in the batch size, in order of first appearance."""
    groups: dict[Hashable, list[Record]] = {}
    for record in records:
        if record.case.mode not in ("count", "stage"):
            groups.setdefault(alike_but_batch(record.case), []).append(record)
    return list(groups.values())


def fastest(records: Sequence[Record]) -> Record:
    """The record with the highest throughput."""
    return max(records, key=lambda record: record.throughput_examples_per_s or 0.0)


def _rate(record: Record) -> Rate | None:
    value = record.throughput_examples_per_s
    if record.outcome != "ok" or value is None:
        return None
    low, high = record.throughput_interval_examples_per_s or (value, value)
    return Rate(record.case.batch_size, value, low, high)
