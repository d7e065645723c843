"""How long launches take to reach the device, and how far the host is ahead of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anatomy.bench.gpu_trace.device_timeline import NOT_RECORDED, DeviceTimeline
from anatomy.bench.gpu_trace.interval_sets import Times, as_times
from anatomy.bench.gpu_trace.recorded_work import RecordedTrace


@dataclass(frozen=True)
class Launches:
    """The launches of the work that began within a time.

    Attributes:
        calls: of the host; a CUDA graph is one for all its kernels.
        unrecorded: pieces of work whose launch was not recorded.
        mean_call_ns: time of the host per call; `None` without calls.
        mean_latency_ns: from the beginning of a launch to that of its work, of launches onto a stream with nothing to
            do: the way to the device. `None` if every launch found its stream at work.
        median_latency_ns: likewise.
        idle_launches: how many those were.
        mean_delay_ns: the same time of all launches, with the wait behind earlier work.
        mean_queue_depth: pieces of work that were launched and had not begun, on average over the time.
    """

    calls: int
    unrecorded: int
    mean_call_ns: float | None
    mean_latency_ns: float | None
    median_latency_ns: float | None
    idle_launches: int
    mean_delay_ns: float | None
    mean_queue_depth: float | None


def launches_between(trace: RecordedTrace, timeline: DeviceTimeline, begin: int, end: int) -> Launches:
    """What is known of the launches of the work that began between two times, in nanoseconds."""
    inside = timeline.begun_between(begin, end)
    known = inside & (timeline.launch_ns != NOT_RECORDED)
    calls = {timeline.work[number].correlation for number in np.flatnonzero(known)}
    took = [call.end_ns - call.start_ns for one in calls if one is not None and (call := trace.calls.get(one))]
    delays = (timeline.starts - timeline.launch_ns)[known]
    alone = delays[_onto_idle_streams(timeline)[known]]
    return Launches(
        calls=len(calls),
        unrecorded=int((inside & ~known).sum()),
        mean_call_ns=float(np.mean(took)) if took else None,
        mean_latency_ns=float(alone.mean()) if len(alone) else None,
        median_latency_ns=float(np.median(alone)) if len(alone) else None,
        idle_launches=len(alone),
        mean_delay_ns=float(delays.mean()) if len(delays) else None,
        mean_queue_depth=_mean_depth(timeline, begin, end),
    )


def queue_depth_at(timeline: DeviceTimeline, times: Times) -> Times:
    """Pieces of work that were launched before each time and begin later."""
    known = timeline.launch_ns != NOT_RECORDED
    launched = np.searchsorted(np.sort(timeline.launch_ns[known]), times, side="left")
    begun = np.searchsorted(timeline.starts[known], times, side="left")
    return as_times((launched - begun).tolist())


def _mean_depth(timeline: DeviceTimeline, begin: int, end: int) -> float | None:
    known = timeline.launch_ns != NOT_RECORDED
    if end <= begin or not known.any():
        return None
    queued = np.clip(timeline.starts[known], begin, end) - np.clip(timeline.launch_ns[known], begin, end)
    return float(queued.sum()) / (end - begin)


def _onto_idle_streams(timeline: DeviceTimeline) -> np.ndarray:
    """Whether the stream of each piece had ended all earlier work when it was launched."""
    found = np.zeros(len(timeline.work), bool)
    for numbers in timeline.streams.values():
        ended = np.maximum.accumulate(timeline.ends[numbers])
        before = np.concatenate(([np.iinfo(np.int64).min], ended[:-1]))
        found[numbers] = timeline.launch_ns[numbers] >= before
    return found
