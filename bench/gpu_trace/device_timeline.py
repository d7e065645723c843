"""What a device did at each time: its work as arrays, and the parts of its time, which add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.gpu_trace.interval_sets import (
    Intervals,
    Times,
    as_times,
    clip,
    depth_at_least,
    gaps,
    subtract,
    total,
    union,
)
from anatomy.bench.gpu_trace.kernel_kinds import kernel_kind
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, EventWait, RecordedTrace

# What a device's time is made of, each instant being one of them:
#   computing       a kernel that is no collective runs
#   communication   else, a collective runs: communication that nothing hides
#   copy            else, a copy or a fill runs
#   host-bound      nothing runs, and the work that ends the gap had not been launched
#   launch          nothing runs, and that work has been launched within the gap: the way to the device
#   queued          nothing runs, though that work had been launched before the gap began
#   unknown         nothing runs, and the launch of that work was not recorded
GapPart = Literal["host-bound", "launch", "queued", "unknown"]
TimelinePart = Literal["computing", "communication", "copy"] | GapPart
PARTS: tuple[TimelinePart, ...] = ("computing", "communication", "copy", "host-bound", "launch", "queued", "unknown")

NOT_RECORDED = -1


@dataclass(frozen=True)
class DeviceTimeline:
    """The work of one device, in order of its beginning.

    Attributes:
        places: of each piece, its place in `RecordedTrace.work`.
        launch_ns: when its launch began, never later than itself; `NOT_RECORDED` without one.
        event_waits: of its streams for each other; `None` where the trace records none.
    """

    device: int
    work: tuple[DeviceWork, ...]
    places: tuple[int, ...]
    launch_ns: Times
    event_waits: tuple[EventWait, ...] | None = None

    @cached_property
    def starts(self) -> Times:
        """Nanoseconds at which each piece begins, in order."""
        return as_times([one.start_ns for one in self.work])

    @cached_property
    def ends(self) -> Times:
        """Nanoseconds at which each piece ends."""
        return as_times([one.end_ns for one in self.work])

    @cached_property
    def is_kernel(self) -> NDArray[np.bool_]:
        """Whether it is a kernel."""
        return np.asarray([one.type == "kernel" for one in self.work], dtype=bool)

    @cached_property
    def is_collective(self) -> NDArray[np.bool_]:
        """Whether it is a kernel that communicates."""
        return np.asarray([one.type == "kernel" and kernel_kind(one.name) == "collective" for one in self.work], bool)

    @cached_property
    def streams(self) -> Mapping[str, NDArray[np.int64]]:
        """Stream → the numbers of its pieces, in order; streams in order of their names' numbers."""
        found: dict[str, list[int]] = {}
        for number, one in enumerate(self.work):
            found.setdefault(one.stream, []).append(number)
        in_order = sorted(found, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
        return {name: as_times(found[name]) for name in in_order}

    def begun_between(self, begin: int, end: int) -> NDArray[np.bool_]:
        """Whether each piece begins between two times; at the device's own end, work without duration does, too."""
        begun: NDArray[np.bool_] = (self.starts >= begin) & ((self.starts < end) | (end >= self.ends.max()))
        return begun

    @cached_property
    def busy(self) -> Intervals:
        """The times at which anything runs."""
        return union(self.starts, self.ends)

    @cached_property
    def kernels_busy(self) -> Intervals:
        """The times at which a kernel runs."""
        return self._busy(self.is_kernel)

    @cached_property
    def collectives_busy(self) -> Intervals:
        """The times at which a collective runs."""
        return self._busy(self.is_collective)

    @cached_property
    def streams_busy(self) -> Mapping[str, Intervals]:
        """Stream → the times at which it works."""
        return {stream: union(self.starts[held], self.ends[held]) for stream, held in self.streams.items()}

    @cached_property
    def overlap(self) -> Intervals:
        """The times at which two streams or more work."""
        together = np.concatenate(list(self.streams_busy.values()))
        return depth_at_least(together[:, 0], together[:, 1], 2)

    def _busy(self, chosen: NDArray[np.bool_]) -> Intervals:
        return union(self.starts[chosen], self.ends[chosen])

    @cached_property
    def parts(self) -> Mapping[TimelinePart, Intervals]:
        """The times of each part, from the first work's beginning to the end of the last."""
        computing = self._busy(self.is_kernel & ~self.is_collective)
        found: dict[TimelinePart, Intervals] = {
            "computing": computing,
            "communication": subtract(self.kernels_busy, computing),
            "copy": subtract(self.busy, self.kernels_busy),
        }
        idle = gaps(self.busy, int(self.starts.min()), int(self.ends.max()))
        # The first to begin when the gap ends; of several, the first launched.
        after = np.searchsorted(self.starts, idle[:, 1])
        for part, times in split_at_launch(idle, self.launch_ns[after]).items():
            found[part] = times
        return found

    def parts_between(self, begin: int, end: int) -> dict[TimelinePart, int]:
        """Nanoseconds of each part between two times; they add up to `end - begin`.

        Before the first work and behind the last, the device waits for the host.
        """
        found: dict[TimelinePart, int] = {part: total(clip(self.parts[part], begin, end)) for part in PARTS}
        found["host-bound"] += (end - begin) - sum(found.values())
        return found


def split_at_launch(idle: Intervals, launch_ns: Times) -> dict[GapPart, Intervals]:
    """Split gaps at the launch of the work that ends each of them.

    Args:
        idle: shape (n, 2).
        launch_ns: shape (n,): when that work was launched; `NOT_RECORDED` where that is not known.
    """
    begin, end = idle[:, 0], idle[:, 1]
    known = launch_ns != NOT_RECORDED
    at = np.clip(launch_ns, begin, end)
    within = known & (launch_ns > begin)
    return {
        "host-bound": union(begin[within], at[within]),
        "launch": union(at[within], end[within]),
        "queued": union(begin[known & ~within], end[known & ~within]),
        "unknown": union(begin[~known], end[~known]),
    }


def device_timelines(trace: RecordedTrace) -> list[DeviceTimeline]:
    """One for each device that worked, in order of their numbers."""
    places: dict[int, list[int]] = {}
    for place, work in enumerate(trace.work):
        places.setdefault(work.device, []).append(place)
    return [_timeline(device, places[device], trace) for device in sorted(places)]


def joint_timeline(trace: RecordedTrace) -> DeviceTimeline:
    """One for all devices together, as if they were one."""
    return _timeline(min(work.device for work in trace.work), range(len(trace.work)), trace)


def _timeline(device: int, places: Sequence[int], trace: RecordedTrace) -> DeviceTimeline:
    launched = {place: _launch_ns(trace, trace.work[place]) for place in places}
    in_order = sorted(places, key=lambda place: (trace.work[place].start_ns, launched[place]))
    return DeviceTimeline(
        device=device,
        work=tuple(trace.work[place] for place in in_order),
        places=tuple(in_order),
        launch_ns=as_times([launched[place] for place in in_order]),
        event_waits=None
        if trace.event_waits is None
        else tuple(wait for wait in trace.event_waits if wait.device == device),
    )


def _launch_ns(trace: RecordedTrace, work: DeviceWork) -> int:
    """When the launch began. The clocks of host and device differ a little: never later than the work itself."""
    call = trace.launch(work)
    return NOT_RECORDED if call is None else min(call.start_ns, work.start_ns)
