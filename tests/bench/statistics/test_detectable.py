"""The smallest detectable change is the one that a t test finds as often as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anatomy.bench.statistics.detectable import coefficient_of_variation, detectable_change


@pytest.mark.parametrize("samples", [3, 6, 15])
@pytest.mark.parametrize("power", [0.5, 0.9])
def test_a_t_test_finds_it_as_often_as_promised(samples: int, power: float) -> None:
    rng = np.random.default_rng(samples)
    change = detectable_change(0.05, samples, power)
    sigma = math.sqrt(math.log1p(0.05**2))
    a, b = rng.normal(0, sigma, (2, 4000, samples))
    p = stats.ttest_ind(a, b + math.log1p(change), axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(power, abs=0.025)


def test_a_textbook_sample_size() -> None:
    """Cohen 1988, table 2.4.1: 64 a side for d = 0.5, 26 for d = 0.8, at power 0.8 and 5 % two-sided."""
    for samples, effect in ((64, 0.5), (26, 0.8)):
        assert math.log1p(detectable_change(0.01, samples, 0.8)) / 0.01 == pytest.approx(effect, rel=0.01)


@given(st.floats(0.001, 0.5), st.integers(2, 50))
def test_more_processes_and_less_noise_show_smaller_changes(cv: float, samples: int) -> None:
    change = detectable_change(cv, samples)
    assert detectable_change(cv, samples + 1) < change < detectable_change(cv * 1.5, samples)
    assert change < detectable_change(cv, samples, power=0.95)


def test_no_noise_shows_any_change() -> None:
    assert detectable_change(0.0, 5) == 0.0


def test_coefficient_of_variation() -> None:
    assert coefficient_of_variation([9.0, 10.0, 11.0]) == pytest.approx(0.1)
    assert coefficient_of_variation([2.0, 2.0]) == 0.0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.0], [1.0, -1.0]])
def test_a_coefficient_of_variation_needs_two_positive_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="needs"):
        coefficient_of_variation(values)


@pytest.mark.parametrize(("cv", "samples", "power"), [(0.1, 1, 0.9), (-0.1, 5, 0.9), (0.1, 5, 1.0), (0.1, 5, 0.01)])
def test_what_cannot_be_asked_is_refused(cv: float, samples: int, power: float) -> None:
    with pytest.raises(ValueError, match=r"two or more processes|cannot be|power"):
        detectable_change(cv, samples, power)
