"""Why a stream waited: for its launch, for communication, for a copy, for another stream.

Where the trace records by which events streams wait for each other, these say what a stream waited for. Elsewhere it is
inferred from times: work that begins just behind the end of another stream's work is taken to have waited for it.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.gpu_trace.device_timeline import NOT_RECORDED, DeviceTimeline, split_at_launch
from anatomy.bench.gpu_trace.interval_sets import Intervals, Times, gaps, union
from anatomy.bench.gpu_trace.recorded_work import EventWait

# Of a gap, by what ended it:
#   not launched    the work that ends the gap had not been launched yet
#   communication   it had, and waited for a collective on another stream
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
# How it is known what a stream waited for.
WaitSource = Literal["recorded", "inferred"]
_NONE, _NOT_KNOWN = -1, -2


def wait_source(timeline: DeviceTimeline) -> WaitSource:
    """Whether the trace records the waits of streams for each other."""
    return "inferred" if timeline.event_waits is None else "recorded"


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
    holders = _Holders(timeline, stream, resolution_ns)
    pieces: dict[StreamWait, list[Intervals]] = {}
    holders.divide(split["launch"], "launch", pieces)
    holders.divide(split["queued"], "queued", pieces)
    for cause, several in pieces.items():
        together = np.concatenate(several)
        found[cause] = union(together[:, 0], together[:, 1])
    return {cause: found.get(cause, np.empty((0, 2), np.int64)) for cause in STREAM_WAITS}


class _Holders:
    """What held a stream's work that had been launched: work of other streams."""

    def __init__(self, timeline: DeviceTimeline, stream: str, resolution_ns: int) -> None:
        self._timeline = timeline
        self._numbers = timeline.streams[stream]
        self._others = _others(timeline, self._numbers)
        self._slack = resolution_ns if resolution_ns > 1 else 0
        self._recorded = None if timeline.event_waits is None else _recorded_holders(timeline, stream)

    def divide(self, waiting: Intervals, rest: StreamWait, pieces: dict[StreamWait, list[Intervals]]) -> None:
        """Give each wait to the work that held it, up to that work's end; what remains is `rest`."""
        if not len(waiting):
            return
        begin, end = waiting[:, 0], waiting[:, 1]
        by = self._inferred(begin, end)
        if self._recorded is not None:
            after = np.searchsorted(self._timeline.starts[self._numbers], end)
            by = np.where(self._recorded[after] == _NOT_KNOWN, by, self._recorded[after])
        released = np.minimum(self._timeline.ends[np.maximum(by, 0)], end)
        held = (by >= 0) & (released > begin)
        is_copy, is_collective = ~self._timeline.is_kernel[by], self._timeline.is_collective[by]
        causes: tuple[tuple[StreamWait, NDArray[np.bool_]], ...] = (
            ("communication", is_collective),
            ("copy", is_copy),
            ("another stream", ~is_copy & ~is_collective),
        )
        for cause, chosen in causes:
            pieces.setdefault(cause, []).append(np.stack((begin, released), axis=1)[held & chosen])
        pieces.setdefault(rest, []).append(np.stack((np.where(held, released, begin), end), axis=1))

    def _inferred(self, begin: Times, end: Times) -> NDArray[np.int64]:
        """The work of another stream that ended last within each wait, shortly before the wait did."""
        if not len(self._others):
            return np.full(len(begin), _NONE, np.int64)
        ends = self._timeline.ends[self._others]
        last = np.searchsorted(ends, end + self._slack, side="right") - 1
        ended = ends[np.maximum(last, 0)]
        near = (last >= 0) & (ended > begin) & (np.minimum(ended, end) >= end - RELEASE_NS)
        return np.where(near, self._others[np.maximum(last, 0)], _NONE)


def _recorded_holders(timeline: DeviceTimeline, stream: str) -> NDArray[np.int64]:
    """Of each piece of a stream, what it waited for by the events: the last to end of what it was told to wait for.

    `_NONE` where it was told to wait for nothing, `_NOT_KNOWN` where it is not known for what.
    """
    numbers = timeline.streams[stream]
    launched = timeline.launch_ns[numbers]
    found = np.full(len(numbers), _NONE, np.int64)
    for wait in timeline.event_waits or ():
        if wait.stream != stream:
            continue
        later = np.flatnonzero(launched >= wait.called_ns)
        if len(later):
            found[later[0]] = _later(timeline, found[later[0]], _waited_for(timeline, wait))
    # Without its launch, a piece may have been launched behind any of them.
    return np.where(launched == NOT_RECORDED, _NOT_KNOWN, found)


def _waited_for(timeline: DeviceTimeline, wait: EventWait) -> int:
    """The last piece to end of those on the other stream that had been launched when the event was recorded there."""
    there = timeline.streams.get(wait.on_stream)
    if there is None:
        return _NOT_KNOWN if not wait.on_stream else _NONE
    launched = timeline.launch_ns[there]
    before = there[(launched != NOT_RECORDED) & (launched <= wait.recorded_ns)]
    if len(before):
        return int(before[np.argmax(timeline.ends[before])])
    return _NOT_KNOWN if (launched == NOT_RECORDED).any() else _NONE


def _later(timeline: DeviceTimeline, one: int, other: int) -> int:
    if _NOT_KNOWN in (one, other):
        return _NOT_KNOWN
    return max((one, other), key=lambda number: timeline.ends[number] if number >= 0 else _NONE)


def _others(timeline: DeviceTimeline, numbers: Times) -> NDArray[np.int64]:
    """Work of other streams, in order of its end."""
    is_other = np.ones(len(timeline.work), bool)
    is_other[numbers] = False
    others = np.flatnonzero(is_other)
    return others[np.argsort(timeline.ends[others], kind="stable")]
