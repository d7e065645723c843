"""The search of the largest size that fits, with a function in place of processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.statistics.batch_size_search import RESOLUTION, search


def largest(fits: Callable[[int], bool], limit: int, resolution: float = 0.0, step: int = 1) -> int | None:
    """Run a search with `fits` as the test; `None` if the smallest size does not fit."""
    running = search(limit, resolution, step)
    try:
        size = next(running)
        while True:
            size = running.send(fits(size))
    except StopIteration as done:
        answer: int | None = done.value
        return answer


@given(st.integers(0, 3000), st.integers(1, 2000))
def test_the_largest_that_fits_is_found_exactly(threshold: int, limit: int) -> None:
    found = largest(lambda size: size <= threshold, limit)
    assert found == (min(threshold, limit) or None)


@given(st.integers(1, 5000), st.integers(1, 8))
def test_steps_are_kept_to(threshold: int, step: int) -> None:
    found = largest(lambda size: size <= threshold, 10_000, step=step)
    assert found == (threshold // step * step or None)


@given(st.integers(1, 2**20))
def test_the_resolution_is_kept_and_saves_tries(threshold: int) -> None:
    tried: list[int] = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= threshold

    found = largest(fits, 2**20, RESOLUTION)
    assert found is not None
    assert found <= threshold
    # The next size that was tried, or could be, is no further than the resolution.
    assert threshold < found + max(1, int(RESOLUTION * found)) + (threshold == 2**20)
    assert len(tried) == len(set(tried))
    assert len(tried) <= 2 * 20 + 2
    # Up to the answer it doubles.
    assert tried[: found.bit_length()] == [2**power for power in range(found.bit_length())]


@given(st.sets(st.integers(1, 64)))
def test_whatever_fits_and_does_not_the_answer_has_been_tried_and_fits(fitting: set[int]) -> None:
    tried: dict[int, bool] = {}

    def fits(size: int) -> bool:
        assert size not in tried
        return tried.setdefault(size, size in fitting)

    found = largest(fits, 64)
    assert tried[found] if found is not None else not tried[1]


@pytest.mark.parametrize(("threshold", "expected"), [(0, [1]), (3, [1, 2, 4, 3]), (11, [1, 2, 4, 8, 16, 12, 10, 11])])
def test_doubling_and_then_halving(threshold: int, expected: list[int]) -> None:
    tried: list[int] = []
    largest(lambda size: tried.append(size) or size <= threshold, 100)  # type: ignore[func-returns-value]
    assert tried == expected
