"""Why a stream waited: for its launch, for communication, for a copy, for another stream."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.gpu_trace.device_timeline import DeviceTimeline, split_at_launch
from anatomy.bench.gpu_trace.interval_sets import Intervals, Times, gaps, union

# Of a gap, by what ended it:
#   not launched    the work that ends the gap had not been launched yet
#   communication   it had, and began when a collective on another stream ended
#   copy            likewise, a copy or a fill
#   another stream  likewise, another kernel
#   launch          it was launched within the gap, and nothing else held it: the way to the device
#   queued          it had been launched before the gap, and nothing of this device held it
#   unknown         its launch was not recorded
StreamWait = Literal["not launched", "communication", "copy", "another stream", "launch", "queued", "unknown"]
STREAM_WAITS: tuple[StreamWait, ...] = get_args(StreamWait)

# Work that begins within this time behind the end of another stream's work is taken to have waited for it: what an
# event needs to release a stream.
RELEASE_NS = 10_000


def stream_waits(timeline: DeviceTimeline, stream: str, resolution_ns: int = 1) -> dict[StreamWait, Intervals]:
    """The times of each cause between the stream's first work and its last.

    Args:
        resolution_ns: of the trace's times: work that begins so much before another's end may have waited for it.
    """
    numbers = timeline.streams[stream]
    starts, launch_ns = timeline.starts[numbers], timeline.launch_ns[numbers]
    busy = union(starts, timeline.ends[numbers])
    idle = gaps(busy, int(busy[0, 0]), int(busy[-1, 1])) if len(busy) else np.empty((0, 2), np.int64)
    after = np.searchsorted(starts, idle[:, 1])
    split = split_at_launch(idle, launch_ns[after])
    found: dict[StreamWait, Intervals] = {"not launched": split["host-bound"], "unknown": split["unknown"]}
    others = _others(timeline, numbers)
    pieces: dict[StreamWait, list[Intervals]] = {}
    _by_release(timeline, others, split["launch"], "launch", resolution_ns, pieces)
    _by_release(timeline, others, split["queued"], "queued", resolution_ns, pieces)
    for cause, several in pieces.items():
        together = np.concatenate(several)
        found[cause] = union(together[:, 0], together[:, 1])
    return {cause: found.get(cause, np.empty((0, 2), np.int64)) for cause in STREAM_WAITS}


def _others(timeline: DeviceTimeline, numbers: Times) -> NDArray[np.int64]:
    """Work of other streams, in order of its end."""
    is_other = np.ones(len(timeline.work), bool)
    is_other[numbers] = False
    others = np.flatnonzero(is_other)
    return others[np.argsort(timeline.ends[others], kind="stable")]


def _by_release(
    timeline: DeviceTimeline,
    others: NDArray[np.int64],
    waiting: Intervals,
    rest: StreamWait,
    resolution_ns: int,
    pieces: dict[StreamWait, list[Intervals]],
) -> None:
    """Give each wait to the work of another stream that ended last within it, shortly before the wait did."""
    if not len(waiting):
        return
    begin, end = waiting[:, 0], waiting[:, 1]
    slack = resolution_ns if resolution_ns > 1 else 0
    if not len(others):
        pieces.setdefault(rest, []).append(waiting)
        return
    ends = timeline.ends[others]
    last = np.searchsorted(ends, end + slack, side="right") - 1
    released = np.minimum(ends[np.maximum(last, 0)], end)
    held = (last >= 0) & (released > begin) & (released >= end - RELEASE_NS)
    by = others[np.maximum(last, 0)]
    is_copy = ~timeline.is_kernel[by]
    causes: tuple[tuple[StreamWait, NDArray[np.bool_]], ...] = (
        ("communication", timeline.is_collective[by]),
        ("copy", is_copy),
        ("another stream", ~is_copy & ~timeline.is_collective[by]),
    )
    for cause, chosen in causes:
        pieces.setdefault(cause, []).append(np.stack((begin, released), axis=1)[held & chosen])
    pieces.setdefault(rest, []).append(np.stack((np.where(held, released, begin), end), axis=1))
