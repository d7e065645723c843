"""Figures that differ from process to process: the observations of a pair, and the result over all pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

from anatomy.bench.regression_gate.gate_result import MetricResult
from anatomy.bench.regression_gate.pair_effect import pair_effect
from anatomy.bench.regression_gate.policy import SAMPLED, Metric
from anatomy.bench.regression_gate.process_pair import Pair, SideFacts
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, Trial

UNITS: Mapping[Metric, str] = {"step": "s", "compile": "s", "peak_host": "bytes", "peak_device": "bytes"}


def level(side: SideFacts, metric: Metric) -> float | None:
    """A side's figure in one pair, in the metric's unit; None where it was not measured."""
    if metric == "step":
        return median(side.step_s) if side.step_s else None
    if metric == "compile":
        return side.compile_s
    value = side.facts.get(f"{metric}_bytes")
    return None if value is None else float(value)


def observe(pair: Pair) -> dict[str, Observation]:
    """Observations of a pair: each metric that both processes measured."""
    found: dict[str, Observation] = {}
    for metric in SAMPLED:
        base, candidate = level(pair.base, metric), level(pair.candidate, metric)
        if not base or not candidate:
            continue
        alternated = metric == "step"
        effect = pair_effect(pair.base.step_s, pair.candidate.step_s) if alternated else math.log(candidate / base)
        found[metric] = Observation(effect, base)
    return found


def metric_result(metric: Metric, pairs: Sequence[Pair], judged: Judged | None, gated: bool) -> MetricResult | None:
    """The result of a sampled metric over all pairs; None where neither side measured it.

    Args:
        metric: which one.
        pairs: in the order they were measured.
        judged: its verdict; None where the policy does not judge it, or a side did not measure it.
        gated: whether the policy judges it.
    """
    seen = [(level(pair.base, metric), level(pair.candidate, metric), observe(pair).get(metric)) for pair in pairs]
    both = [(base, candidate, found.effect) for base, candidate, found in seen if base and candidate and found]
    if not both:
        one_sided = any(base or candidate for base, candidate, _ in seen)
        if judged is None and not (one_sided and gated):
            return None
        return MetricResult(
            metric=metric, verdict="INCONCLUSIVE", unit=UNITS[metric], reason="measured on one side only"
        )
    found = MetricResult(
        metric=metric,
        verdict="SHOWN",
        unit=UNITS[metric],
        base=median(base for base, _, _ in both),
        candidate=median(candidate for _, candidate, _ in both),
        change=math.expm1(fmean(effect for _, _, effect in both)),
        effects=[effect for _, _, effect in both],
    )
    return found if judged is None else found.model_copy(update=_judged(judged))


def cpu_change(pairs: Sequence[Pair]) -> float | None:
    """Relative growth of the CPU time per step; None where no pair has it."""
    effects = [
        pair_effect(pair.base.cpu_s, pair.candidate.cpu_s)
        for pair in pairs
        if pair.base.cpu_s and min(*pair.base.cpu_s, *pair.candidate.cpu_s) > 0
    ]
    return math.expm1(fmean(effects)) if effects else None


def _judged(judged: Judged) -> dict[str, Any]:
    # Fresh pairs were not selected by their effect: their interval is unbiased.
    decisive = judged.confirmation or judged.screening
    return {
        "verdict": judged.verdict,
        **_interval(decisive),
        "tolerated": decisive.margins.tolerated,
        "minimum": decisive.margins.minimum,
        "effects": list(judged.screening.effects),
        "confirmation": list(judged.confirmation.effects) if judged.confirmation else [],
        "reason": _reason(judged.screening) if judged.verdict == "INCONCLUSIVE" else "",
    }


def _interval(trial: Trial) -> dict[str, float | None]:
    found = trial.estimate
    if found is None:
        return {"change": math.expm1(trial.effects[0]), "low": None, "high": None}
    # exp of a wide interval of few pairs overflows.
    return {"change": math.expm1(found.mean), "low": math.expm1(found.low), "high": math.expm1(min(found.high, 50.0))}


def _reason(screening: Trial) -> str:
    if screening.verdict == "FAIL":
        return "flagged, and not confirmed on fresh pairs"
    if screening.estimate is None:
        return "1 pair: too few for an interval"
    return f"known to ± {math.expm1(screening.estimate.half_width):.1%} after {screening.estimate.pairs} pairs"
