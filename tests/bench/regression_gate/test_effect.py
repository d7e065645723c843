"""What one pair of processes shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.regression_gate.pair_effect import FEWEST_STEPS, MOST_STEPS, pair_effect, steps_per_pair

_TIMES = st.lists(st.tuples(st.floats(1e-6, 10), st.floats(1e-6, 10)), min_size=1, max_size=60)


@given(_TIMES, st.floats(1e-3, 1e3))
def test_a_faster_machine_changes_nothing_and_swapped_sides_the_sign(
    times: list[tuple[float, float]], s: float
) -> None:
    base, candidate = map(list, zip(*times, strict=True))
    effect = pair_effect(base, candidate)
    assert pair_effect([t * s for t in base], [t * s for t in candidate]) == pytest.approx(effect, abs=1e-9)
    assert pair_effect(candidate, base) == pytest.approx(-effect, abs=1e-9)


@given(_TIMES, st.floats(0.5, 2))
def test_a_slower_candidate_shows_by_its_factor(times: list[tuple[float, float]], factor: float) -> None:
    base = [a for a, _ in times]
    assert pair_effect(base, [a * factor for a in base]) == pytest.approx(math.log(factor), abs=1e-9)


def test_interrupted_steps_and_a_drift_of_the_machine_do_not_show() -> None:
    rng = np.random.default_rng(1)
    machine = np.linspace(1.0, 1.6, 40) * rng.normal(1, 0.002, 40)
    base, candidate = 5e-3 * machine, 5e-3 * 1.05 * machine
    base[[3, 17, 30]] *= 8
    candidate[[5, 21]] *= 20
    assert pair_effect(base.tolist(), candidate.tolist()) == pytest.approx(math.log(1.05), abs=1e-6)


@pytest.mark.parametrize(("base", "candidate"), [([], []), ([1.0], [1.0, 2.0]), ([0.0], [1.0]), ([1.0], [-1.0])])
def test_what_makes_no_pairs_is_refused(base: list[float], candidate: list[float]) -> None:
    with pytest.raises(ValueError, match=r"make no pairs|took no time"):
        pair_effect(base, candidate)


@given(st.floats(0.1, 20), st.floats(1e-4, 1), st.floats(1e-6, 0.1), st.floats(1e-6, 0.1))
def test_the_number_of_steps_is_the_best_within_its_limits(
    start_s: float, step_s: float, within: float, between: float
) -> None:
    def cost(n: int) -> float:
        return (between + within / n) * (start_s + n * step_s)

    chosen = steps_per_pair(start_s, step_s, within, between)
    assert FEWEST_STEPS <= chosen <= MOST_STEPS
    # Rounded up: one less may be as good, by the little that one step is.
    assert cost(chosen) <= min(cost(n) for n in range(FEWEST_STEPS, MOST_STEPS + 1)) * 1.01


def test_pairs_that_do_not_differ_are_as_long_as_may_be() -> None:
    assert steps_per_pair(1.0, 1e-3, 1e-4, 0.0) == MOST_STEPS
