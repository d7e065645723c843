"""Intervals and p-values at the planned looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anatomy.bench.regression_gate.group_sequential import ALPHA, LOOKS, estimate, p_value

_EFFECTS = st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 6)), min_size=4, max_size=32)


@given(_EFFECTS, st.floats(-0.1, 0.1), st.sampled_from([0.05, 0.025, 0.01]))
def test_the_p_value_is_small_where_a_lower_bound_was_above_the_limit(
    effects: list[float], limit: float, alpha: float
) -> None:
    bounds = [estimate(effects[:look], alpha).low for look in LOOKS if look <= len(effects)]
    p = p_value(effects, limit)
    if all(abs(bound - limit) > 1e-9 for bound in bounds):
        assert (p <= alpha) == any(bound > limit for bound in bounds)


@given(_EFFECTS)
def test_the_interval_is_students_at_the_share_of_one_look(effects: list[float]) -> None:
    found = estimate(effects)
    assert found.pairs == len(effects)
    assert found.mean == pytest.approx(np.mean(effects), abs=1e-12)
    if np.std(effects) > 1e-9:
        low, high = stats.t.interval(
            1 - 2 * ALPHA / len(LOOKS), len(effects) - 1, loc=np.mean(effects), scale=stats.sem(effects)
        )
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_effects_that_do_not_vary_have_no_width() -> None:
    found = estimate([0.125] * 4)
    assert (found.low, found.high, found.half_width) == (0.125, 0.125, 0.0)
    assert p_value([0.125] * 4, 0.1) == 0.0
    assert p_value([0.125] * 4, 0.2) == 1.0


def test_one_pair_is_no_interval() -> None:
    with pytest.raises(ValueError, match="two pairs"):
        estimate([0.1])


def test_before_the_first_look_nothing_is_known() -> None:
    assert p_value([9.0, 9.1, 9.2], 0.0) == 1.0


@pytest.mark.long
def test_bounds_that_are_looked_at_often_still_hold() -> None:
    """Of 2000 series at their true mean, the lower bound errs at some look in at most α, within sampling error."""
    rng = np.random.default_rng(7)
    erred = sum(p_value(rng.normal(0.02, 0.05, LOOKS[-1]).tolist(), 0.02) <= ALPHA for _ in range(2000))
    # Bonferroni is conservative: correlated looks spend less than they are given.
    assert 0.005 < erred / 2000 < ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 2000)
