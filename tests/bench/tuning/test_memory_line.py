"""The memory of a batch size from that of smaller ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.tuning.memory_line import forecast, surely_too_much


@pytest.mark.long
@given(st.integers(0, 2**30), st.integers(0, 2**20), st.integers(1, 64), st.integers(2, 8), st.integers(2, 8))
def test_a_line_is_continued(weights: int, example: int, size: int, more: int, times: int) -> None:
    measured = {size: weights + example * size, size * more: weights + example * size * more}
    wanted = size * more * times
    found = forecast(measured, wanted)
    assert found is not None
    assert abs(found - (weights + example * wanted)) <= 1e-6 * found + 1


def test_one_size_says_nothing_of_another() -> None:
    assert forecast({8: 100}, 16) is None
    assert not surely_too_much({8: 100}, 16, 1)


def test_the_nearest_two_are_taken() -> None:
    # Above 64 the slope is another, as where a workspace grows.
    measured = {8: 108, 16: 116, 64: 400, 128: 1000}
    assert forecast(measured, 256) == 1000 + (1000 - 400) * 2
    assert forecast(measured, 4) == 104


def test_a_larger_batch_takes_no_less() -> None:
    # An allocator that kept what it freed.
    assert forecast({8: 500, 16: 300}, 32) == 500


def test_what_is_near_the_limit_is_tried() -> None:
    measured = {8: 80, 16: 160}
    assert not surely_too_much(measured, 32, 300)
    assert surely_too_much(measured, 32, 250)
    assert not surely_too_much(measured, 32, None)
