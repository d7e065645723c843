"""Turn what a profiler recorded of GPUs into the steps of a profile: work of layers, and gaps with their causes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from anatomy.bench.gpu_trace.device_timeline import (
    NOT_RECORDED,
    DeviceTimeline,
    GapPart,
    joint_timeline,
    split_at_launch,
)
from anatomy.bench.gpu_trace.interval_sets import Intervals, Times, as_times, common, gaps, union
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostSpan, NoDeviceWorkError, RecordedTrace
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Interval, Level, Trace, TraceEvent, Work

# The host's annotations that a profile needs.
ANNOTATIONS = (STEP, FETCH, LAUNCH)


def device_trace(
    recorded: RecordedTrace,
    works: Sequence[Work | None],
    layer_calls: Sequence[tuple[HostSpan, Work]] = (),
    notes: Iterable[str] = (),
) -> Trace:
    """The steps of a recorded trace. All devices together are one: it waits only where none of them works.

    Args:
        works: what each piece of `recorded.work` does, in its order; `None` for one that draws a batch, which is
            waiting and no work of the step.
        layer_calls: calls of layers on the host, by which the host's time is divided among them.
        notes: what to know of the attribution, a sentence each.
    """
    seconds = _clock(recorded)
    # Files have spans in any order.
    spans = sorted(recorded.spans, key=lambda span: span.start_ns)
    named = {name: [span for span in spans if span.name == name] for name in ANNOTATIONS}
    kept: list[tuple[DeviceWork, Work]] = []
    drawn: list[DeviceWork] = []
    for one, work in zip(recorded.work, works, strict=True):
        if work is None or _brings_a_batch(one, recorded, named[FETCH]):
            drawn.append(one)
        else:
            kept.append((one, work))
    parts = _gaps(replace(recorded, work=tuple(one for one, _ in kept)), named[STEP])
    launches = _intervals_of(named[LAUNCH])

    def within(times: Intervals) -> list[Interval]:
        return [Interval(seconds(begin), seconds(end)) for begin, end in times.tolist()]

    def over(what: Iterable[DeviceWork | HostSpan]) -> list[Interval]:
        return [Interval(seconds(one.start_ns), seconds(one.end_ns)) for one in what]

    return Trace(
        steps=over(named[STEP]),
        fetches=over(named[FETCH]) + over(drawn),
        launches=within(common(parts["unknown"], launches)),
        events=[
            *(TraceEvent(seconds(one.start_ns), seconds(one.end_ns), work, _level(one, work)) for one, work in kept),
            *(TraceEvent(seconds(one.start_ns), seconds(one.end_ns), work, "host") for one, work in layer_calls),
        ],
        gaps={part: within(times) for part, times in parts.items()},
        notes=tuple(notes),
    )


def no_device_work(error: NoDeviceWorkError) -> NotImplementedError:
    """The error for a profiler that recorded no work of a GPU; `error` is the reader's."""
    return NotImplementedError(
        f"time by layer: the profiler recorded no work of the GPU ({error}); it needs CUPTI, and the right to use it "
        "(https://developer.nvidia.com/ERR_NVGPUCTRPERM)"
    )


def _clock(recorded: RecordedTrace) -> Callable[[int], float]:
    """Seconds since the trace began: a time of day would leave a float no nanoseconds."""
    begun = [one.start_ns for one in recorded.work] + [one.start_ns for one in recorded.spans]
    origin_ns = min(begun)
    return lambda time_ns: (time_ns - origin_ns) / 1e9


def _brings_a_batch(one: DeviceWork, recorded: RecordedTrace, fetches: Sequence[HostSpan]) -> bool:
    """Whether it copies to the device while the host fetches data, on whichever of its threads."""
    call = recorded.launch(one) if one.direction == "HtoD" else None
    return call is not None and any(fetch.start_ns <= call.start_ns < fetch.end_ns for fetch in fetches)


def _level(one: DeviceWork, work: Work) -> Level:
    """A kernel comes before a copy, which another part of the device does."""
    return "operation" if one.type == "kernel" or work.kind == "communication" else "copy"


def _gaps(recorded: RecordedTrace, steps: Sequence[HostSpan]) -> dict[GapPart, Intervals]:
    """When nothing ran within a step, by what the device waited for."""
    timeline = joint_timeline(recorded) if recorded.work else None
    found: dict[GapPart, list[Intervals]] = {"host-bound": [], "launch": [], "queued": [], "unknown": []}
    for step in steps:
        if timeline is None:
            found["unknown"].append(_intervals_of([step]))
            continue
        idle = gaps(timeline.busy, step.start_ns, step.end_ns)
        for part, times in split_at_launch(idle, _next_launches(timeline, idle, step.end_ns)).items():
            found[part].append(times)
    return {part: np.concatenate(several or [np.empty((0, 2), np.int64)]) for part, several in found.items()}


def _next_launches(timeline: DeviceTimeline, idle: Intervals, step_end_ns: int) -> Times:
    """Of each gap, when the work that ends it was launched; of one that ends with the step, no work does."""
    after = np.searchsorted(timeline.starts, idle[:, 1])
    inside = np.minimum(after, len(timeline.starts) - 1)
    ends_gap = (after == inside) & (timeline.starts[inside] < step_end_ns)
    return np.where(ends_gap, timeline.launch_ns[inside], NOT_RECORDED)


def _intervals_of(spans: Sequence[HostSpan]) -> Intervals:
    return union(as_times([one.start_ns for one in spans]), as_times([one.end_ns for one in spans]))
