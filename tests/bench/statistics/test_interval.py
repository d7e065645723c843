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

SERIES = 400


def noise(rng: np.random.Generator, n: int, phi: float, outliers: float = 0.01) -> np.ndarray:
    """exp of an AR(1) process, of median 1, with a share of slow outliers."""
    x = np.zeros(n)
    shocks = rng.standard_normal(n) * math.sqrt(1 - phi**2)
    x[0] = rng.standard_normal()
    for i in range(1, n):
        x[i] = phi * x[i - 1] + shocks[i]
    return np.exp(0.05 * x) * np.where(rng.random(n) < outliers, 3.0, 1.0)


@pytest.mark.parametrize(("phi", "n"), [(0.0, 30), (0.0, 300), (0.5, 120), (0.5, 600), (0.8, 600)])
def test_the_median_interval_covers_in_about_95_percent(phi: float, n: int) -> None:
    rng = np.random.default_rng(1)
    # One outlier in a hundred moves the median of the mixture by about 0.0125 standard deviations.
    truth = math.exp(0.05 * stats.norm.ppf(0.5 / 0.99))
    held = [low <= truth <= high for low, high in (interval.median_interval(noise(rng, n, phi)) for _ in range(SERIES))]
    assert 0.90 <= np.mean(held) <= 0.995


def test_ignoring_dependence_would_not_have() -> None:
    """The reason for the autocorrelation time: at φ = 0.8 plain order statistics cover far less."""
    rng = np.random.default_rng(2)
    held = []
    for _ in range(SERIES):
        values = np.sort(noise(rng, 300, 0.8))
        half = 1.96 * math.sqrt(300) / 2
        held.append(values[int(150 - half)] <= 1.0 <= values[int(150 + half)])
    assert np.mean(held) < 0.8


@given(st.lists(st.floats(1e-6, 10), min_size=6, max_size=200), st.floats(0.001, 1000))
def test_the_interval_encloses_the_median_and_scales(values: list[float], scale: float) -> None:
    found = interval.median_interval(values)
    if found is None:
        return
    low, high = found
    assert low <= float(np.median(values)) * (1 + 1e-12)
    assert high >= float(np.median(values)) * (1 - 1e-12)
    again = interval.median_interval([value * scale for value in values])
    assert again == pytest.approx((low * scale, high * scale), rel=1e-6)


def test_few_values_have_no_interval() -> None:
    assert interval.median_interval([1.0] * 5) is None
    assert interval.between_blocks([1.0, 2.0]) is None
    assert interval.between_processes([1.0]) is None
    assert interval.relative_half_width([1.0]) == math.inf


@pytest.mark.parametrize("degrees", [1, 2, 5, 30, 31, 60, 200])
def test_student_t_is_scipys(degrees: int) -> None:
    assert interval.student_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-3)


def test_processes_cover_in_95_percent() -> None:
    rng = np.random.default_rng(3)
    for n in (3, 5, 10):
        found = [interval.between_processes(np.exp(0.1 * rng.standard_normal(n))) for _ in range(1000)]
        assert np.mean([low <= 1.0 <= high for low, high in found]) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_autocorrelation_time_of_an_ar1_process(phi: float) -> None:
    rng = np.random.default_rng(4)
    times = [autocorrelation_time(np.log(noise(rng, 4000, phi, outliers=0.0))) for _ in range(10)]
    assert np.median(times) == pytest.approx((1 + phi) / (1 - phi), rel=0.35)


@given(st.lists(st.floats(-1e3, 1e3), max_size=50))
def test_autocorrelation_time_is_at_least_one(values: list[float]) -> None:
    assert autocorrelation_time(values) >= 1.0
