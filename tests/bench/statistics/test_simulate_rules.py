"""What the docs say of the rules that end warm-up and measuring, on fewer series."""

from __future__ import annotations

import pytest

from tests.bench.statistics.simulate_rules import ended_too_soon, measured


@pytest.mark.long
def test_stopping_early_costs_independent_steps_no_coverage() -> None:
    found = measured(0.01, noise=0.02, phi=0.0, count=150)
    assert found.share_early > 0.9
    assert found.all >= 0.92


@pytest.mark.long
def test_of_dependent_steps_those_that_stop_early_cover_less() -> None:
    found = measured(0.01, noise=0.02, phi=0.9, count=300)
    assert found.early < 0.9 < found.fixed
    assert found.all > 0.85


def test_a_warm_up_that_ends_with_the_steps_level_leaves_nothing() -> None:
    assert ended_too_soon("level", 0.01, 0.5, 50) == (0.0, 0.0)


@pytest.mark.long
def test_a_slow_fall_hides_from_few_steps_and_not_from_many() -> None:
    few, many = (ended_too_soon("falls by a third, exp(−n/100)", step_s, 0.0, 50)[0] for step_s in (0.01, 0.003))
    assert few > 0.8
    assert many < 0.2
