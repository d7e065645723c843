"""The figures of a trace: for each device, in all and step by step. Times are whole nanoseconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from anatomy.bench.gpu_trace.copy_rates import CopyRate, copy_rates
from anatomy.bench.gpu_trace.device_timeline import DeviceTimeline, TimelinePart, device_timelines
from anatomy.bench.gpu_trace.host_spans import Origin, find_origins
from anatomy.bench.gpu_trace.idle_causes import StreamWait, WaitSource, stream_waits, wait_source
from anatomy.bench.gpu_trace.interval_sets import Intervals, clip, common, total
from anatomy.bench.gpu_trace.kernel_kinds import KernelKind, kernel_kind, short_name, tensor_cores
from anatomy.bench.gpu_trace.launch_latency import Launches, launches_between, queue_depth_at
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, RecordedTrace
from anatomy.bench.gpu_trace.step_windows import StepWindow, step_windows

LONGEST_KERNELS = 20


@dataclass(frozen=True)
class StreamTime:
    """A stream within a time.

    Attributes:
        kernels: that began within it.
        busy_ns: at which it worked.
        overlapped_ns: of that, at which another stream of the device worked, too.
        waits_ns: cause → time of the gaps between its first work and its last.
    """

    stream: str
    kernels: int
    busy_ns: int
    kernel_ns: int
    overlapped_ns: int
    waits_ns: Mapping[StreamWait, int]


@dataclass(frozen=True)
class KindTime:
    """Kernels of a kind. The times on tensor cores and off them are known of names that say so."""

    kind: KernelKind
    kernels: int
    time_ns: int
    tensor_core_ns: int
    other_core_ns: int


@dataclass(frozen=True)
class KernelTime:
    """All calls of a kernel.

    Attributes:
        occupancy: mean over their time, 0 to 1; `None` where none was recorded.
    """

    name: str
    short_name: str
    kind: KernelKind
    tensor_cores: bool | None
    count: int
    time_ns: int
    longest_ns: int
    occupancy: float | None


@dataclass(frozen=True)
class NamedTime:
    """Kernels of an operation, of a layer or of a part of the step; an empty name is for those that have none."""

    name: str
    kernels: int
    time_ns: int


@dataclass(frozen=True)
class Communication:
    """Collectives: `exposed_ns` of their union has no other kernel beside it, `hidden_ns` has."""

    kernels: int
    kernel_ns: int
    busy_ns: int
    exposed_ns: int
    hidden_ns: int


@dataclass(frozen=True)
class Gains:
    """What a time would be shorter by, at most.

    Attributes:
        launches_ns: with CUDA graphs or a faster host: gaps before and during launches.
        overlap_ns: with all communication hidden.
        copies_ns: with all copies hidden.
    """

    launches_ns: int
    overlap_ns: int
    copies_ns: int


@dataclass(frozen=True)
class WindowSummary:
    """A device within a time: a step, or the whole trace. Kernels are counted where they begin, times are cut.

    Attributes:
        parts_ns: what the time is made of; the parts add up to `duration_ns`.
        busy_ns: at which the device worked: kernels, copies and fills.
        kernel_busy_ns: at which at least one kernel ran.
        kernel_ns: the sum of the kernels' times, which counts overlapping ones twice.
        overlap_ns: at which two streams or more worked.
        host_bound_gaps: gaps in which nothing had been launched.
        host_bound_queue_depth: pieces of work that had been launched when such a gap began, on average.
    """

    name: str
    start_ns: int
    duration_ns: int
    parts_ns: Mapping[TimelinePart, int]
    busy_ns: int
    kernel_busy_ns: int
    kernel_ns: int
    kernels: int
    overlap_ns: int
    host_bound_gaps: int
    host_bound_queue_depth: float | None
    communication: Communication
    launches: Launches
    streams: tuple[StreamTime, ...]
    kinds: tuple[KindTime, ...]
    step_parts: tuple[NamedTime, ...]
    copies: tuple[CopyRate, ...]
    gains: Gains


@dataclass(frozen=True)
class DeviceSummary:
    """A device.

    Attributes:
        kernel_span_ns: from the first kernel's beginning to the last one's end.
        whole: from the first work's beginning to the last one's end.
        attributed_kernels: whose operation is known.
        modules: kernels' time by the layers' calls around their launches, where the trace has those.
        stream_waits: how it is known that a stream waited for another: from recorded events, or from times.
    """

    device: int
    name: str
    kernel_span_ns: int
    whole: WindowSummary
    steps: tuple[WindowSummary, ...]
    longest_kernels: tuple[KernelTime, ...]
    operations: tuple[NamedTime, ...]
    modules: tuple[NamedTime, ...]
    attributed_kernels: int
    stream_waits: WaitSource


@dataclass(frozen=True)
class TraceSummary:
    """A file."""

    file: str
    source: str
    rank: int | None
    ranks: int | None
    notes: tuple[str, ...]
    devices: tuple[DeviceSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


def summarise_trace(trace: RecordedTrace, file: str) -> TraceSummary:
    """All figures of a trace.

    Args:
        file: what it is called.
    """
    origins = find_origins(trace)
    devices = tuple(_device(trace, timeline, origins) for timeline in device_timelines(trace))
    return TraceSummary(file, trace.source, trace.rank, trace.ranks, trace.notes, devices)


def _device(trace: RecordedTrace, timeline: DeviceTimeline, origins: Sequence[Origin]) -> DeviceSummary:
    own = [origins[place] for place in timeline.places]
    waits = {stream: stream_waits(timeline, stream, trace.resolution_ns) for stream in timeline.streams}
    whole = StepWindow("all", int(timeline.starts.min()), int(timeline.ends.max()))
    kernels = timeline.kernels_busy
    pairs = [(work, origin) for work, origin in zip(timeline.work, own, strict=True) if work.type == "kernel"]
    return DeviceSummary(
        device=timeline.device,
        name=trace.device_names.get(timeline.device, ""),
        kernel_span_ns=int(kernels[-1, 1] - kernels[0, 0]) if len(kernels) else 0,
        whole=_window(trace, timeline, own, waits, whole),
        steps=tuple(_window(trace, timeline, own, waits, step) for step in step_windows(trace, timeline)),
        longest_kernels=_longest(work for work, _ in pairs),
        operations=_by_name((origin.operation, work) for work, origin in pairs),
        modules=_by_name((origin.module, work) for work, origin in pairs if origin.module),
        attributed_kernels=sum(bool(origin.operation) for _, origin in pairs),
        stream_waits=wait_source(timeline),
    )


def _window(
    trace: RecordedTrace,
    timeline: DeviceTimeline,
    origins: Sequence[Origin],
    waits: Mapping[str, Mapping[StreamWait, Intervals]],
    window: StepWindow,
) -> WindowSummary:
    begin, end = window.start_ns, window.end_ns
    parts = timeline.parts_between(begin, end)
    began = np.flatnonzero(timeline.begun_between(begin, end))
    kernels = [number for number in began.tolist() if timeline.is_kernel[number]]
    host_bound = clip(timeline.parts["host-bound"], begin, end)
    return WindowSummary(
        name=window.name,
        start_ns=begin,
        duration_ns=end - begin,
        parts_ns=parts,
        busy_ns=total(clip(timeline.busy, begin, end)),
        kernel_busy_ns=total(clip(timeline.kernels_busy, begin, end)),
        kernel_ns=_time_within(timeline, timeline.is_kernel, begin, end),
        kernels=len(kernels),
        overlap_ns=total(clip(timeline.overlap, begin, end)),
        host_bound_gaps=len(host_bound),
        host_bound_queue_depth=float(queue_depth_at(timeline, host_bound[:, 0]).mean()) if len(host_bound) else None,
        communication=_communication(timeline, parts, begin, end),
        launches=launches_between(trace, timeline, begin, end),
        streams=tuple(_stream(timeline, stream, waits[stream], begin, end) for stream in timeline.streams),
        kinds=_kinds(timeline.work[number] for number in kernels),
        step_parts=_by_name((origins[number].part or "", timeline.work[number]) for number in kernels),
        copies=copy_rates(timeline.work[number] for number in began.tolist()),
        gains=Gains(parts["host-bound"] + parts["launch"], parts["communication"], parts["copy"]),
    )


def _time_within(timeline: DeviceTimeline, chosen: np.ndarray, begin: int, end: int) -> int:
    starts, ends = timeline.starts[chosen], timeline.ends[chosen]
    return int((np.clip(ends, begin, end) - np.clip(starts, begin, end)).sum())


def _communication(timeline: DeviceTimeline, parts: Mapping[TimelinePart, int], begin: int, end: int) -> Communication:
    busy_ns = total(clip(timeline.collectives_busy, begin, end))
    inside = timeline.is_collective & timeline.begun_between(begin, end)
    exposed_ns = parts["communication"]
    return Communication(
        kernels=int(inside.sum()),
        kernel_ns=_time_within(timeline, timeline.is_collective, begin, end),
        busy_ns=busy_ns,
        exposed_ns=exposed_ns,
        hidden_ns=busy_ns - exposed_ns,
    )


def _stream(
    timeline: DeviceTimeline, stream: str, waits: Mapping[StreamWait, Intervals], begin: int, end: int
) -> StreamTime:
    own = np.zeros(len(timeline.work), bool)
    own[timeline.streams[stream]] = True
    kernels = own & timeline.is_kernel
    busy = clip(timeline.streams_busy[stream], begin, end)
    return StreamTime(
        stream=stream,
        kernels=int((kernels & timeline.begun_between(begin, end)).sum()),
        busy_ns=total(busy),
        kernel_ns=_time_within(timeline, kernels, begin, end),
        overlapped_ns=total(common(busy, clip(timeline.overlap, begin, end))),
        waits_ns={cause: total(clip(times, begin, end)) for cause, times in waits.items()},
    )


def _kinds(kernels: Iterable[DeviceWork]) -> tuple[KindTime, ...]:
    groups: dict[KernelKind, list[DeviceWork]] = defaultdict(list)
    for work in kernels:
        groups[kernel_kind(work.name)].append(work)
    found = [
        KindTime(
            kind=kind,
            kernels=len(works),
            time_ns=_sum_ns(works),
            tensor_core_ns=_sum_ns(work for work in works if tensor_cores(work.name) is True),
            other_core_ns=_sum_ns(work for work in works if tensor_cores(work.name) is False),
        )
        for kind, works in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: -one.time_ns))


def _longest(kernels: Iterable[DeviceWork]) -> tuple[KernelTime, ...]:
    groups: dict[str, list[DeviceWork]] = defaultdict(list)
    for work in kernels:
        groups[work.name].append(work)
    found = [_kernel_time(name, works) for name, works in groups.items()]
    return tuple(sorted(found, key=lambda one: -one.time_ns)[:LONGEST_KERNELS])


def _kernel_time(name: str, works: Sequence[DeviceWork]) -> KernelTime:
    held = [(work.occupancy, work.end_ns - work.start_ns) for work in works if work.occupancy is not None]
    time_ns = sum(duration_ns for _, duration_ns in held)
    return KernelTime(
        name=name,
        short_name=short_name(name),
        kind=kernel_kind(name),
        tensor_cores=tensor_cores(name),
        count=len(works),
        time_ns=_sum_ns(works),
        longest_ns=max(work.end_ns - work.start_ns for work in works),
        occupancy=sum(share * duration_ns for share, duration_ns in held) / time_ns if time_ns else None,
    )


def _by_name(named: Iterable[tuple[str, DeviceWork]]) -> tuple[NamedTime, ...]:
    groups: dict[str, list[DeviceWork]] = defaultdict(list)
    for name, work in named:
        groups[name].append(work)
    found = [NamedTime(name, len(works), _sum_ns(works)) for name, works in groups.items()]
    return tuple(sorted(found, key=lambda one: -one.time_ns))


def _sum_ns(works: Iterable[DeviceWork]) -> int:
    return sum(work.end_ns - work.start_ns for work in works)
