"""From which batch size on throughput does not grow: on series that are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.statistics.saturation import TOLERANCE, Rate, in_words, saturation


def rates(values: dict[int, float], half_width: float = 0.0) -> list[Rate]:
    return [Rate(size, v, v * (1 - half_width), v * (1 + half_width)) for size, v in values.items()]


def test_a_knee() -> None:
    found = saturation(rates({1: 10, 2: 20, 4: 39, 8: 60, 16: 62, 32: 61}))
    assert found is not None
    assert (found.best.batch_size, found.may, found.surely, found.growing) == (16, 8, 8, False)
    assert in_words(found) == "stops growing at 8"


def test_wide_intervals_give_two_sizes_or_none() -> None:
    values = {1: 10.0, 2: 20.0, 4: 55.0, 8: 60.0, 16: 60.0}
    found = saturation(rates(values, 0.02))
    assert found is not None
    assert (found.may, found.surely) == (4, 8)
    assert in_words(found) == "stops growing between 4 and 8"
    vague = saturation(rates(values, 0.2))
    assert vague is not None
    assert (vague.may, vague.surely) == (4, None)
    assert in_words(vague) == "stops growing at 4 or beyond"


def test_growth_up_to_the_last_size_is_said() -> None:
    found = saturation(rates({1: 10, 2: 20, 4: 40, 8: 80}))
    assert found is not None
    assert found.growing
    assert in_words(found) == "still grows at 8"


def test_neighbours_that_bisection_tried_do_not_hide_growth() -> None:
    proportional = {size: float(size) for size in (1, 2, 4, 8, 16, 24, 28, 30, 31)}
    found = saturation(rates(proportional))
    assert found is not None
    assert found.growing


def test_throughput_that_falls_again() -> None:
    found = saturation(rates({1: 10, 2: 50, 4: 49, 8: 30}))
    assert found is not None
    assert (found.may, found.best.batch_size) == (2, 2)


@pytest.mark.parametrize("values", [{}, {1: 1.0}, {1: 1.0, 2: 2.0}])
def test_two_sizes_say_nothing(values: dict[int, float]) -> None:
    assert saturation(rates(values)) is None


@given(st.dictionaries(st.sampled_from([1, 2, 4, 8, 16, 32]), st.floats(0.1, 1e6), min_size=3), st.floats(0.0, 0.3))
def test_the_sizes_are_what_they_say(values: dict[int, float], half_width: float) -> None:
    found = saturation(rates(values, half_width))
    assert found is not None
    best = max(values.values())
    assert values[found.may] * (1 + half_width) * (1 + TOLERANCE) >= best * (1 - half_width) * (1 - 1e-9)
    if found.surely is not None:
        assert found.may <= found.surely
        others = [value for size, value in values.items() if size != found.surely]
        assert values[found.surely] * (1 - half_width) * (1 + TOLERANCE) >= max(others) * (1 + half_width) * (1 - 1e-9)
