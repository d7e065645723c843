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
    assert in_words(found) == "still grows at 31"


def test_the_best_is_the_best_of_all_sizes_whatever_lies_between_them() -> None:
    found = saturation(rates({1: 10, 2: 20, 4: 40, 8: 60, 12: 90, 14: 100}))
    assert found is not None
    assert (found.best.batch_size, found.may, found.surely, found.growing) == (14, 14, 14, True)
    assert in_words(found) == "still grows at 14"


def test_slow_growth_hides_among_neighbours_too() -> None:
    found = saturation(rates({size: size**0.3 for size in (1, 2, 4, 8, 16, 24, 28, 30, 31)}))
    assert found is not None
    assert found.growing


@pytest.mark.parametrize("last", [100.0, 80.0])
def test_less_than_a_doubling_shows_that_fast_growth_has_ended(last: float) -> None:
    found = saturation(rates({1: 12, 2: 25, 4: 50, 8: 100, 12: 100, 14: last}))
    assert found is not None
    assert (found.may, found.growing) == (8, False)
    assert in_words(found) == "stops growing at 8"


def test_a_largest_size_that_is_not_quite_the_best_is_not_said_to_grow() -> None:
    found = saturation(rates({1: 1, 2: 2, 4: 4, 8: 8, 16: 16, 30: 30, 31: 29.9}))
    assert found is not None
    assert (found.best.batch_size, found.growing) == (30, True)
    assert in_words(found) == "may still grow beyond 31"


def test_throughput_that_falls_again() -> None:
    found = saturation(rates({1: 10, 2: 50, 4: 49, 8: 30}))
    assert found is not None
    assert (found.may, found.best.batch_size) == (2, 2)


@pytest.mark.parametrize("values", [{}, {1: 1.0}, {1: 1.0, 2: 2.0}])
def test_two_sizes_say_nothing(values: dict[int, float]) -> None:
    assert saturation(rates(values)) is None


_SERIES = st.dictionaries(st.integers(1, 40), st.floats(0.1, 1e6), min_size=3)


@given(_SERIES.filter(lambda values: 4 * min(values) <= max(values)), st.floats(0.0, 0.3))
def test_the_sizes_are_what_they_say(values: dict[int, float], half_width: float) -> None:
    found = saturation(rates(values, half_width))
    if found is None:
        return
    best = max(values.values())
    assert found.best.examples_per_s == best
    may_be_enough = [
        size for size, v in values.items() if v * (1 + half_width) * (1 + TOLERANCE) >= best * (1 - half_width)
    ]
    assert found.may == min(may_be_enough)
    if found.surely is not None:
        assert found.may <= found.surely
        others = [value for size, value in values.items() if size != found.surely]
        assert values[found.surely] * (1 - half_width) * (1 + TOLERANCE) >= max(others) * (1 + half_width) * (1 - 1e-9)
    if found.growing:
        assert max(values) in may_be_enough
        assert 2 * found.may > max(values)
        assert in_words(found).endswith(f" {max(values)}")


@given(st.sets(st.integers(1, 60), min_size=3), st.floats(0.2, 1.0))
def test_steady_growth_is_never_said_to_stop(sizes: set[int], power: float) -> None:
    found = saturation(rates({size: size**power for size in sizes}))
    assert found is None or found.growing
