"""Sets of times as sorted intervals that do not touch: an array of shape (n, 2), begin and end in nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Intervals = NDArray[np.int64]


def as_times(values: Sequence[int]) -> Times:
    """An array of nanoseconds."""
    return np.asarray(values, dtype=np.int64)


def union(starts: Times, ends: Times) -> Intervals:
    """The times that at least one of the intervals covers."""
    held = ends > starts
    starts, ends = starts[held], ends[held]
    if not len(starts):
        return np.empty((0, 2), np.int64)
    order = np.argsort(starts, kind="stable")
    starts, reached = starts[order], np.maximum.accumulate(ends[order])
    first = np.concatenate(([True], starts[1:] > reached[:-1]))
    return np.stack((starts[first], reached[np.concatenate((first[1:], [True]))]), axis=1)


def total(intervals: Intervals) -> int:
    """Nanoseconds in all."""
    return int((intervals[:, 1] - intervals[:, 0]).sum())


def gaps(intervals: Intervals, begin: int, end: int) -> Intervals:
    """What of `begin` to `end` the intervals leave."""
    inside = clip(intervals, begin, end)
    starts = np.concatenate(([begin], inside[:, 1]))
    ends = np.concatenate((inside[:, 0], [end]))
    return np.stack((starts, ends), axis=1)[ends > starts]


def clip(intervals: Intervals, begin: int, end: int) -> Intervals:
    """The part between `begin` and `end`."""
    first, behind = np.searchsorted(intervals[:, 1], begin, side="right"), np.searchsorted(intervals[:, 0], end)
    return np.clip(intervals[first : max(first, behind)], begin, end)


def common(one: Intervals, other: Intervals) -> Intervals:
    """The times in both."""
    if not len(one) or not len(other):
        return np.empty((0, 2), np.int64)
    return subtract(one, gaps(other, int(min(one[0, 0], other[0, 0])), int(max(one[-1, 1], other[-1, 1]))))


def subtract(one: Intervals, other: Intervals) -> Intervals:
    """The times in the first alone."""
    starts = np.concatenate((one[:, 0], other[:, 0], one[:, 1], other[:, 1]))
    # Of all borders in order: how many of each are open behind it.
    opens_one = np.repeat([1, 0, -1, 0], [len(one), len(other), len(one), len(other)])
    opens_other = np.repeat([0, 1, 0, -1], [len(one), len(other), len(one), len(other)])
    order = np.argsort(starts, kind="stable")
    borders = starts[order]
    held = (np.cumsum(opens_one[order]) > 0) & (np.cumsum(opens_other[order]) == 0)
    held = held[:-1] & (borders[1:] > borders[:-1])
    return union(borders[:-1][held], borders[1:][held])


def depth_at_least(starts: Times, ends: Times, depth: int) -> Intervals:
    """The times that at least so many of the intervals cover."""
    borders = np.concatenate((starts, ends))
    change = np.repeat([1, -1], [len(starts), len(ends)])
    # Ends before beginnings at the same time.
    order = np.lexsort((change, borders))
    borders = borders[order]
    held = np.cumsum(change[order])[:-1] >= depth
    return union(borders[:-1][held], borders[1:][held])
