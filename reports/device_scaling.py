"""How throughput grows with devices: each case on several devices beside the same case on one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anatomy.bench.records.case import Scaling
from anatomy.bench.records.record import Record

_SHARING = {"devices", "nodes", "model_parallel", "layout_map"}


@dataclass(frozen=True)
class ScaledCase:
    """A case on several devices, and the case on one device that it is compared with.

    Attributes:
        baseline: the case on one device; `None` where the run has none.
        scaling: `weak` where each device has the baseline's batch, `strong` where the devices share it.
    """

    record: Record
    baseline: Record | None
    scaling: Scaling | None

    @property
    def speedup(self) -> float | None:
        """Throughput of all devices over that of one."""
        several, one = _throughput(self.record), _throughput(self.baseline)
        return several / one if several and one else None

    @property
    def efficiency(self) -> float | None:
        """Speedup per device; 1 for perfect scaling."""
        return self.speedup / self.record.case.devices if self.speedup is not None else None

    @property
    def efficiency_interval(self) -> tuple[float, float] | None:
        """95 % interval of the efficiency, from those of both throughputs, whose errors are independent."""
        if self.efficiency is None or self.baseline is None:
            return None
        halves = [_log_half(record) for record in (self.record, self.baseline)]
        known = [half for half in halves if half is not None]
        if len(known) < len(halves):
            return None
        half = math.hypot(*known)
        return self.efficiency * math.exp(-half), self.efficiency * math.exp(half)

    @property
    def exchange_share(self) -> float | None:
        """Time of the gradients' all-reduce, measured on its own, over the time of a step."""
        throughput = _throughput(self.record)
        if self.record.all_reduce is None or not throughput:
            return None
        return self.record.all_reduce.median_s * throughput / self.record.case.batch_size


def scaled_cases(records: Iterable[Record]) -> list[list[ScaledCase]]:
    """Group the cases on several devices that differ in devices and batch size only, in the records' order."""
    timed = [record for record in records if record.case.mode != "count"]
    # Few runs have such cases, and what makes cases alike takes long to write for many.
    if all(record.case.devices == 1 for record in timed):
        return []
    groups: dict[str, list[Record]] = {}
    for record in timed:
        groups.setdefault(_alike(record), []).append(record)
    return [found for group in groups.values() if (found := _of_group(group))]


def _of_group(group: Sequence[Record]) -> list[ScaledCase]:
    ones = {record.case.batch_size: record for record in group if record.case.devices == 1}
    found = []
    for record in sorted((r for r in group if r.case.devices > 1), key=lambda r: r.case.devices):
        batch, parts = record.case.batch_size, record.case.devices // record.case.model_parallel
        weak, strong = ones.get(batch // parts), ones.get(batch)
        if parts == 1:
            # The one copy of the model has the whole batch: both ways of scaling are the same.
            weak = None
        found += [ScaledCase(record, weak, "weak")] if weak else []
        found += [ScaledCase(record, strong, "strong")] if strong else []
        if not weak and not strong:
            found.append(ScaledCase(record, None, None))
    return sorted(found, key=lambda s: (s.scaling or "", s.baseline.case.batch_size if s.baseline else 0))


def _alike(record: Record) -> str:
    fields = record.case.model_dump(exclude=_SHARING | {"batch_size", "key"})
    # A stateful model is built for one batch size.
    fields["options"] = {name: value for name, value in fields["options"].items() if name != "batch_size"}
    return json.dumps(fields, sort_keys=True)


def _throughput(record: Record | None) -> float | None:
    return record.throughput_examples_per_s if record is not None and record.outcome == "ok" else None


def _log_half(record: Record) -> float | None:
    interval = record.throughput_interval_examples_per_s
    return math.log(interval[1] / interval[0]) / 2 if interval and interval[0] > 0 else None
