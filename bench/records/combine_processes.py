"""Combines the records of several processes of one case into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import SeriesLabel, StageFigures, Verdict

_Number = TypeVar("_Number", int, float)

# From the best to the worst.
_SERIES: tuple[SeriesLabel, ...] = ("settled", "short", "drifting", "slowing", "never settled")
_CLOCKS: tuple[Verdict, ...] = ("agrees", "overlaps", "not checked", "disagrees")
assert set(_SERIES) == set(get_args(SeriesLabel))
assert set(_CLOCKS) == set(get_args(Verdict))
_PEAKS = ("peak_host_bytes", "step_peak_host_bytes", "peak_device_bytes")


def combine_processes(records: Sequence[Record]) -> Record:
    """Return the record of the process with the median throughput, completed by those of the others.

    Its median, throughput and intervals are derived from all processes. Its caveats are the worst of any process: the
    class of the series, the clocks' verdict with its reason, the most recompilations, each check that was not made, a
    warm-up that had not settled, the highest peaks of memory, the most throttling of each GPU, the most load by
    others, and the lost machines.
    The losses and accuracies of a stage are those of all. All else is that process's own: raw steps and blocks, window,
    use and energy. Where a process failed, its record is returned, with the number of failed processes in its reason.
    """
    first, *more = sorted(records, key=lambda record: record.repeat)
    if not more:
        return first
    failed = [record for record in (first, *more) if record.outcome != "ok"]
    if failed:
        reason = f"{len(failed)} of {len(records)} processes: {failed[0].reason}"
        return failed[0].model_copy(update={"reason": reason})
    ordered = sorted(records, key=lambda record: (record.throughput_examples_per_s or 0.0, record.repeat))
    middle = ordered[(len(ordered) - 1) // 2]
    return middle.model_copy(
        update={
            "process_medians_s": [r.step_median_s for r in records if r.step_median_s is not None],
            "process_throughputs": [r.throughput_examples_per_s for r in records if r.throughput_examples_per_s],
            **_worst((first, *more)),
            "stage": _stages((first, *more), middle),
            **_peaks((first, *more), middle),
            "gpu": [_most_throttled(use, records) for use in middle.gpu] if middle.gpu else middle.gpu,
        }
    )


def _worst(records: Sequence[Record]) -> dict[str, Any]:
    """The worst caveat of any process; `None` where no process knew."""
    series = [record.series for record in records if record.series is not None]
    clocks = [record.clock for record in records if record.clock is not None]
    settled = [record.warmup_settled for record in records if record.warmup_settled is not None]
    checks: dict[str, str] = {}
    for record in records:
        # A check passed only where it passed in every process; else the first other result counts.
        checks |= {
            name: said for name, said in record.checks.items() if checks.get(name, "passed").startswith("passed")
        }
    return {
        "series": max(series, key=lambda one: _SERIES.index(one.label), default=None),
        "clock": max(clocks, key=lambda one: _CLOCKS.index(one.verdict), default=None),
        "recompilations": _most(record.recompilations for record in records),
        "others_cores": _most(record.others_cores for record in records),
        "steal_share": _most(record.steal_share for record in records),
        "warmup_settled": all(settled) if settled else None,
        "checks": checks,
        "lost_nodes": list(dict.fromkeys(name for record in records for name in record.lost_nodes)),
    }


def _stages(records: Sequence[Record], middle: Record) -> StageFigures | None:
    """The stage of the median process, with the losses and accuracies of all."""
    if middle.stage is None:
        return None
    stages = [record.stage for record in records if record.stage is not None]
    return middle.stage.model_copy(
        update={
            "losses": [value for stage in stages for value in stage.losses],
            "accuracies": [value for stage in stages for value in stage.accuracies],
        }
    )


def _peaks(records: Sequence[Record], middle: Record) -> dict[str, Any]:
    """The highest peaks, and the base of the process with the highest host peak, from which it is subtracted."""
    peaks = {name: _most(getattr(record, name) for record in records) for name in _PEAKS}
    highest = max(records, key=lambda record: record.peak_host_bytes or 0)
    found = {name for name, value in peaks.items() if value is not None}
    missing = {name: why for name, why in middle.not_measured.items() if name not in found}
    return {**peaks, "base_host_bytes": highest.base_host_bytes, "not_measured": missing}


def _most_throttled(use: GpuUse, records: Sequence[Record]) -> GpuUse:
    """A GPU of the median process, with the throttling of the process in which it was throttled most."""
    same = [other for record in records for other in record.gpu or () if other.index == use.index]
    worst = max(same, key=lambda one: one.throttled_share or 0.0)
    shared = {"throttled_share": worst.throttled_share, "throttle_reasons": worst.throttle_reasons}
    return use.model_copy(update=shared) if worst.throttled_share else use


def _most(values: Iterable[_Number | None]) -> _Number | None:
    return max((value for value in values if value is not None), default=None)
