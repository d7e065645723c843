"""Sets of intervals against sets of whole numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.gpu_trace.interval_sets import (
    Intervals,
    as_times,
    clip,
    common,
    depth_at_least,
    gaps,
    subtract,
    total,
    union,
)

pairs = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda one: (one[0], one[0] + one[1])), max_size=9
)


def points(intervals: list[tuple[int, int]] | Intervals) -> set[int]:
    return {point for begin, end in intervals for point in range(int(begin), int(end))}


def made(intervals: list[tuple[int, int]]) -> Intervals:
    return union(as_times([begin for begin, _ in intervals]), as_times([end for _, end in intervals]))


def is_normal(intervals: Intervals) -> bool:
    return bool(np.all(intervals[:, 1] > intervals[:, 0]) and np.all(intervals[1:, 0] > intervals[:-1, 1]))


@given(pairs, pairs)
def test_as_sets_of_points(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = made(one), made(other)
    for found, expected in (
        (a, points(one)),
        (subtract(a, b), points(one) - points(other)),
        (common(a, b), points(one) & points(other)),
        (clip(a, 5, 20), points(one) & set(range(5, 20))),
        (gaps(a, 3, 30), set(range(3, 30)) - points(one)),
    ):
        assert points(found) == expected
        assert total(found) == len(expected)
        assert is_normal(found)


@given(pairs, st.integers(1, 4))
def test_depth_counts_intervals(several: list[tuple[int, int]], depth: int) -> None:
    found = depth_at_least(as_times([a for a, _ in several]), as_times([b for _, b in several]), depth)
    counted = [point for point in range(60) if sum(a <= point < b for a, b in several) >= depth]
    assert sorted(points(found)) == counted
