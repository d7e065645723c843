"""Intervals hold what they promise: on independent, on dependent and on heavy-tailed series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anatomy.bench.statistics import interval
from anatomy.bench.statistics.autocorrelation import autocorrelation_time
from tests.bench.statistics.simulate import coverage, step_times

positive = st.floats(1e-6, 10)


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize(
    ("phi", "length"), [(0.0, 6), (0.0, 12), (0.0, 30), (0.0, 300), (0.5, 50), (0.5, 300), (0.8, 300), (0.8, 1000)]
)
def test_the_median_interval_covers_in_about_95_percent(phi: float, length: int, heavy: bool) -> None:
    held, known = coverage(interval.median_interval, step_times(np.random.default_rng(length), 600, length, phi, heavy))
    assert 0.92 <= held <= 0.995
    assert known > 0.6


@pytest.mark.long
def test_outliers_and_blips_leave_the_coverage() -> None:
    rng = np.random.default_rng(5)
    series = step_times(rng, 400, 200, 0.5)
    # As many far too slow as far too fast: the median stays 1.
    series *= rng.choice([0.3, 1.0, 5.0], size=series.shape, p=[0.02, 0.96, 0.02])
    assert 0.91 <= coverage(interval.median_interval, series)[0] <= 0.99


def test_without_the_autocorrelation_time_it_would_not_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "autocorrelation_times", lambda series: [1.0] * len(series))
    assert coverage(interval.median_interval, step_times(np.random.default_rng(2), 300, 300, 0.8))[0] < 0.75


def test_without_dependence_the_ranks_are_the_exact_binomial_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "autocorrelation_times", lambda series: [1.0] * len(series))
    for n in range(6, 400):
        low, high = interval.median_interval([float(rank) for rank in range(1, n + 1)]) or (math.nan, math.nan)
        assert low + high == n + 1
        # The largest rank whose two-sided error is at most 5 %, but for ties with 5 % in the second digit.
        assert 2 * stats.binom.cdf(low - 1, n, 0.5) <= 0.0505
        assert 2 * stats.binom.cdf(low, n, 0.5) > 0.048


@given(st.lists(positive, min_size=6, max_size=200), st.integers(-8, 8))
def test_the_interval_encloses_the_median_and_scales(values: list[float], power: int) -> None:
    found = interval.median_interval(values)
    # A power of two scales floating-point numbers exactly.
    scaled = interval.median_interval([value * 2.0**power for value in values])
    if found is None:
        assert scaled is None
        return
    low, high = found
    assert min(values) <= low <= np.median(values) <= high <= max(values)
    assert scaled == (low * 2.0**power, high * 2.0**power)


def test_few_values_have_no_interval() -> None:
    assert interval.median_interval([1.0] * 5) is None
    assert interval.between_blocks([1.0, 2.0]) is None
    assert interval.between_processes([1.0]) is None
    assert interval.relative_half_width([1.0]) == math.inf


def test_a_series_of_two_halves_has_no_interval() -> None:
    assert interval.median_interval([1.0] * 10 + [2.0] * 10) is None


def test_student_t_is_scipys() -> None:
    for degrees in [*range(1, 120), 1000]:
        assert interval.student_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=1e-4)


@pytest.mark.parametrize("processes", [2, 3, 4, 5, 10, 20])
def test_processes_cover_in_95_percent(processes: int) -> None:
    series = step_times(np.random.default_rng(3), 1500, processes, 0.0, heavy=False)
    held, known = coverage(interval.between_processes, series)
    assert held == pytest.approx(0.955, abs=0.02)
    assert known == 1.0


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.95), (0.3, 0.93), (0.6, 0.88)])
@pytest.mark.parametrize("blocks", [5, 10, 20])
def test_blocks_cover_though_they_are_dependent(phi: float, least: float, blocks: int) -> None:
    series = step_times(np.random.default_rng(blocks), 800, blocks, phi)
    assert coverage(interval.between_blocks, series)[0] >= least


@given(st.lists(positive, min_size=3, max_size=30))
def test_intervals_of_rates_surround_the_figure_that_is_shown(values: list[float]) -> None:
    for found in (interval.between_blocks(values), interval.between_processes(values)):
        assert found is not None
        # The median of an even number is a mean of two, here of their logarithms and there of themselves.
        assert found[0] <= np.median(values) * (1 + 1e-9) or len(values) % 2 == 0
        assert found[1] >= np.median(values) * (1 - 1e-9) or len(values) % 2 == 0


def test_the_standard_error_of_a_median_is_the_simulated_one() -> None:
    rng = np.random.default_rng(4)
    for n in (2, 3, 4, 5, 8, 15):
        simulated = np.median(rng.standard_normal((20000, n)), axis=1).std() * math.sqrt(n)
        assert 0.97 * simulated <= interval._median_error(n) <= 1.09 * simulated


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_autocorrelation_time_of_an_ar1_process(phi: float) -> None:
    series = np.log(step_times(np.random.default_rng(4), 20, 4000, phi, heavy=False))
    assert np.median([autocorrelation_time(x) for x in series]) == pytest.approx((1 + phi) / (1 - phi), rel=0.15)


@given(st.lists(st.floats(-1e3, 1e3), max_size=50))
def test_autocorrelation_time_is_between_one_and_the_length(values: list[float]) -> None:
    assert 1.0 <= autocorrelation_time(values) <= max(1, len(values))
