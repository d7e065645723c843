"""Series of known course get their class; noise alone is settled."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.statistics.steady import FEWEST, FEWEST_FOR_TREND, Steadiness, classify, has_settled
from tests.bench.statistics.simulate import course_times, rightly_classed, settled_by_then, step_times

N = 300
AT = np.arange(N)
COURSES = {
    "flat": (np.ones(N), "settled"),
    "outliers": (np.where(AT % 17 == 0, 4.0, 1.0), "settled"),
    "blip": (np.where(abs(AT - 100) < 5, 2.0, 1.0), "settled"),
    "interruption": (np.where(abs(AT - 150) < 12, 1.5, 1.0), "settled"),
    "slow start": (np.where(AT < 24, 1.5, 1.0), "settled"),
    "warm-up": (1 + 2 * 0.97**AT, "drifting"),
    "faster": (np.where(AT > 150, 0.8, 1.0), "drifting"),
    "detour, then faster": (np.select([AT < 50, AT < 120], [1.2, 1.4], 1.0), "drifting"),
    "falling line": (1 - 0.3 * AT / N, "drifting"),
    "slower": (np.where(AT > 150, 1.3, 1.0), "slowing"),
    "faster for a while, then slower": (np.select([AT < 50, AT < 120], [1.0, 0.8], 1.3), "slowing"),
    "rising line": (1 + 0.5 * AT / N, "slowing"),
    "to and fro": (np.where(AT // 60 % 2, 1.3, 1.0), "never settled"),
    "slower and back": (np.where(abs(AT - 150) < 50, 1.3, 1.0), "never settled"),
}


def wobble(seed: int, n: int = N) -> np.ndarray:
    return 0.01 * np.exp(0.03 * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("seed", range(5))
def test_a_course_gets_its_class(course: str, seed: int) -> None:
    factors, label = COURSES[course]
    assert classify(list(wobble(seed) * factors)).label == label


@pytest.mark.long
@pytest.mark.parametrize("length", [12, 30, 100, 600])
@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.95), (0.5, 0.9)])
def test_noise_alone_is_settled(length: int, phi: float, least: float) -> None:
    assert rightly_classed("level", length, phi, 80) >= least
    heavy = step_times(np.random.default_rng(6), 80, length, phi)
    assert np.mean([classify(list(values)).label == "settled" for values in heavy]) >= least


@pytest.mark.parametrize("course", ["second half 10 % slower", "falls by 20 %, a line", "falls by a third, exp(−6 t)"])
def test_a_hundred_steps_are_enough_for_a_change_of_ten_percent(course: str) -> None:
    assert rightly_classed(course, 100, 0.0, 40) >= 0.95


def test_levels_within_the_tolerance_are_one() -> None:
    assert classify(list(wobble(2) * np.where(AT > 150, 1.035, 1.0))) == Steadiness("settled", [], 1.0)


def test_the_change_and_its_size_are_told() -> None:
    found = classify(list(wobble(3) * np.where(AT >= 150, 1.3, 1.0)))
    assert found.change_points == pytest.approx([150], abs=3)
    assert found.last_over_first == pytest.approx(1.3, rel=0.02)


def test_a_short_series_says_so() -> None:
    assert classify([0.1] * (FEWEST - 1)) == Steadiness("short")
    assert classify([]).label == "short"
    assert not has_settled([0.1] * (FEWEST - 1))


@given(st.lists(st.floats(1e-5, 10), min_size=12, max_size=60))
@settings(max_examples=40, deadline=None)
def test_the_class_does_not_depend_on_the_unit(values: list[float]) -> None:
    seconds, milliseconds = classify(values), classify([value * 1e3 for value in values])
    assert (seconds.label, seconds.change_points) == (milliseconds.label, milliseconds.change_points)


@given(st.lists(st.floats(1e-5, 10), min_size=20, max_size=80))
@settings(max_examples=40, deadline=None)
def test_whether_it_has_settled_does_not_depend_on_the_unit(values: list[float]) -> None:
    assert has_settled(values) == has_settled([value * 1024 for value in values])


def test_reversed_a_drifting_series_is_slowing() -> None:
    drifting = list(wobble(4) * COURSES["faster"][0])
    assert (classify(drifting).label, classify(drifting[::-1]).label) == ("drifting", "slowing")


def test_warm_up_goes_on_while_steps_become_faster() -> None:
    falling = [0.01 * (1 + 2 * 0.9**k) for k in range(60)]
    assert not any(has_settled(falling[:n]) for n in range(40))
    assert has_settled(falling + [0.01] * 60)


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.92), (0.5, 0.8)])
@pytest.mark.parametrize("length", [FEWEST_FOR_TREND, 50, 300])
def test_warm_up_ends_on_level_steps(length: int, phi: float, least: float) -> None:
    assert settled_by_then("level", length, phi, 200) >= least


@pytest.mark.parametrize("course", ["falls by 20 %, a line", "second half 10 % slower"])
@pytest.mark.parametrize(("length", "most"), [(FEWEST, 0.15), (100, 0.08), (1000, 0.03)])
def test_warm_up_goes_on_while_there_is_a_trend(course: str, length: int, most: float) -> None:
    assert settled_by_then(course, length, 0.0, 200) <= most


def test_equal_times_have_settled() -> None:
    assert has_settled([0.01] * FEWEST)
    assert classify([0.01] * 100) == Steadiness("settled", [], 1.0)


def test_asking_costs_less_than_adding_numbers_for_a_fifth_of_a_millisecond() -> None:
    steps = list(course_times("falls by 20 %, a line", 50, 0.0, 1)[0])
    asking, adding = [], []
    # In turns: a machine that is slow for a while is slow for both.
    for _ in range(100):
        start = time.perf_counter()
        has_settled(steps)
        middle = time.perf_counter()
        sum(range(16_000))
        asking.append(middle - start)
        adding.append(time.perf_counter() - middle)
    assert min(asking) < min(adding)
