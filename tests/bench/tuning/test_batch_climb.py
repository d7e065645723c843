"""The batch size is followed along the curve of the figure."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.tuning.batch_climb import climb


def best(figure: Callable[[int], float | None], start: int = 32, least: int = 1, most: int = 4096) -> tuple:
    """The best size, and the sizes that were tried."""
    running, tried = climb(start, least, most), []
    try:
        size = next(running)
        while True:
            tried.append(size)
            size = running.send(figure(size))
    except StopIteration as done:
        return done.value, tried


def test_it_stops_where_throughput_stops_growing() -> None:
    assert best(lambda size: size / (1 + size / 64))[0] >= 256
    assert best(lambda size: 100.0) == (32, [32, 64, 16])


def test_caches_make_a_small_batch_the_best() -> None:
    assert best(lambda size: 1 / (8 + abs(size - 8))) == (8, [32, 64, 16, 8, 4])


def test_too_much_at_the_start_goes_down_to_what_fits() -> None:
    size, tried = best(lambda size: float(size) if size <= 5 else None)
    assert (size, tried) == (4, [32, 16, 8, 4, 2])


def test_nothing_does() -> None:
    assert best(lambda size: None, least=8) == (None, [32, 16, 8])


def test_limits_are_kept() -> None:
    assert best(lambda size: float(size), most=100)[1] == [32, 64]
    assert min(best(lambda size: 1 / size, least=6)[1]) == 8


@given(st.integers(0, 10), st.integers(0, 12), st.integers(0, 6))
def test_on_a_curve_with_one_peak_it_finds_the_peak(start: int, peak: int, least: int) -> None:
    start = max(start, least)
    size, tried = best(lambda size: 2.0 ** -abs(size.bit_length() - 1 - peak), 2**start, 2**least, 2**12)
    assert size == 2 ** max(peak, least)
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize("fits", [1, 2, 7, 31, 33, 200])
def test_what_is_chosen_was_tried_and_does(fits: int) -> None:
    size, tried = best(lambda size: float(size) if size <= fits else None)
    assert size in tried
    assert size <= fits < 2 * size
