"""From a pair's raw times to observations, and from verdicts to what the result shows."""

from __future__ import annotations

import math

import pytest

from anatomy.bench.regression_gate.pair_effect import FEWEST_STEPS, MOST_STEPS
from anatomy.bench.regression_gate.paired_comparison import best_turns
from anatomy.bench.regression_gate.policy import DEFAULTS
from anatomy.bench.regression_gate.process_pair import Pair, SideFacts
from anatomy.bench.regression_gate.sampled_metrics import cpu_change, metric_result, observe
from anatomy.bench.regression_gate.sequential_sampling import judge


def side(step_s: list[float], compile_s: float | None = 1.0, **facts: object) -> SideFacts:
    return SideFacts(step_s=step_s, cpu_s=[2 * s for s in step_s], compile_s=compile_s, facts=facts)


def pair(base: SideFacts, candidate: SideFacts, start_s: float = 1.0, seconds: float = 2.0) -> Pair:
    return Pair(base=base, candidate=candidate, first="base", steps_a_turn=1, start_s=start_s, seconds=seconds)


def test_what_a_pair_shows() -> None:
    base = side([0.010, 0.012, 0.011, 0.010], peak_host_bytes=2**30)
    candidate = side([0.020, 0.024, 0.022, 0.020], compile_s=1.5, peak_host_bytes=2**31)
    found = observe(pair(base, candidate))
    assert found["step"].effect == pytest.approx(math.log(2))
    assert found["compile"].effect == pytest.approx(math.log(1.5))
    assert [found["peak_host"].effect, found["peak_host"].base] == [pytest.approx(math.log(2)), 2**30]
    assert "peak_device" not in found
    assert cpu_change([pair(base, candidate)]) == pytest.approx(1.0)


def test_the_step_is_compared_turn_by_turn_and_not_by_medians() -> None:
    """A drift that both share cancels, though the medians of few turns need not."""
    times = [0.010 * 1.05**turn for turn in range(20)]
    assert observe(pair(side(times), side([1.1 * t for t in times])))["step"].effect == pytest.approx(math.log(1.1))


def test_a_figure_of_one_side_alone_is_not_known_and_never_passes() -> None:
    lopsided = [pair(side([0.01] * 8, peak_device_bytes=2**20), side([0.01] * 8))]
    found = metric_result("peak_device", lopsided, None, gated=True)
    assert found is not None
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", "measured on one side only")
    assert metric_result("peak_device", lopsided, None, gated=False) is None
    assert metric_result("peak_device", [pair(side([0.01] * 8), side([0.01] * 8))], None, gated=True) is None


def test_a_result_has_the_medians_the_interval_and_every_effect() -> None:
    pairs = [pair(side([0.010] * 8), side([0.0101 + 0.00001 * n] * 8)) for n in range(4)]
    drawn = iter(pairs)
    judged, _ = judge({"": lambda: observe(next(drawn))}, {"": {"step": DEFAULTS["step"].margins}})
    found = metric_result("step", pairs, judged[""]["step"], gated=True)
    assert found is not None
    assert [found.verdict, found.base, found.candidate] == ["PASS", 0.010, pytest.approx(0.010115)]
    assert found.change == pytest.approx(0.0115, abs=1e-4)
    assert found.change is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.change < found.high < 0.05
    assert len(found.effects) == 4
    shown = metric_result("step", pairs, None, gated=False)
    assert shown is not None
    assert (shown.verdict, shown.low) == ("SHOWN", None)


def test_turns_follow_where_the_variance_lies() -> None:
    """Noisy turns in pairs that agree ask for many; quiet turns in pairs that differ for few."""
    turns = [0.010 * (1 + 0.1 * (-1) ** n) for n in range(40)]
    agreeing = [pair(side([0.010] * 40), side(turns)) for _ in range(4)]
    differing = [
        pair(side([0.010] * 40), side([0.010 * (1 + 0.1 * k + 1e-6 * n) for n in range(40)])) for k in range(4)
    ]
    assert best_turns(agreeing) == MOST_STEPS
    assert best_turns(differing) == FEWEST_STEPS
