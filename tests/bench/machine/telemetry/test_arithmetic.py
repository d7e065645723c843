"""Energy, means and shares over a window, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.telemetry.sample_series import UnmeasurableError
from anatomy.bench.machine.telemetry.window_arithmetic import counter_gain, integrate_power, interval_mean

ends = st.tuples(st.floats(0.0, 2.0), st.floats(3.0, 4.9))


@given(ends, st.floats(0, 500), st.floats(-50, 50), st.integers(40, 200))
def test_power_that_is_linear_gives_the_exact_energy(
    window: tuple[float, float], watts: float, slope: float, readings: int
) -> None:
    at_s = np.linspace(0, 5, readings)
    start, end = window
    exact = watts * (end - start) + slope * (end**2 - start**2) / 2
    assert integrate_power(list(at_s), list(watts + slope * at_s), start, end) == pytest.approx(exact, abs=1e-6)


@given(ends, st.floats(1, 500))
def test_counter_and_power_agree_where_power_is_constant(window: tuple[float, float], watts: float) -> None:
    at_s = [k / 10 for k in range(51)]
    by_counter = counter_gain(at_s, [1e6 + watts * time_s for time_s in at_s], *window)
    assert by_counter == pytest.approx(integrate_power(at_s, [watts] * 51, *window), rel=1e-6)


@pytest.mark.long
@given(st.lists(st.floats(0, 700), min_size=51, max_size=51), ends)
def test_energy_lies_between_those_of_the_least_and_the_most_power(
    power: list[float], window: tuple[float, float]
) -> None:
    length = window[1] - window[0]
    energy = integrate_power([k / 10 for k in range(51)], power, *window)
    assert min(power) * length - 1e-6 <= energy <= max(power) * length + 1e-6


@pytest.mark.parametrize(
    ("at_s", "counter", "why"),
    [
        ([], [], "begin after"),
        ([1.5, 9.0], [0, 1], "begin after"),
        ([0.0, 1.5], [0, 1], "end before"),
        ([0.0, 1.5, 3.0], [5, 1, 2], "went back"),
        ([0.0, 1.1, 1.2, 1.3, 3.0], [0, 1, 1, 2, 3], "moved 1 times"),
    ],
)
def test_a_counter_that_gives_no_figure_says_why(at_s: list[float], counter: list[float], why: str) -> None:
    with pytest.raises(UnmeasurableError, match=why):
        counter_gain(at_s, counter, 1.0, 2.0)


def test_too_few_readings_of_power_say_so() -> None:
    with pytest.raises(UnmeasurableError, match="2 readings in a window of 1 s and 3 are needed; measure longer"):
        integrate_power([0.0, 1.2, 1.8, 3.0], [1.0] * 4, 1.0, 2.0)


def test_only_intervals_within_the_window_count_by_their_length() -> None:
    mean = interval_mean([9.0, 1.0, 4.0, 9.0], [0.5, 1.0, 1.2, 1.8], [1.0, 1.2, 1.8, 2.2], 1.0, 2.0)
    assert mean == pytest.approx((1.0 * 0.2 + 4.0 * 0.6) / 0.8)
    with pytest.raises(UnmeasurableError, match="no interval"):
        interval_mean([1.0], [0.0], [3.0], 1.0, 2.0)
