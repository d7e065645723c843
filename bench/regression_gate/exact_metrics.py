"""Figures that are the same each time: compared once, without noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anatomy.bench.records.case import Case
from anatomy.bench.records.layer_outline import LayerOutline
from anatomy.bench.records.parity import Manifest, manifest
from anatomy.bench.records.record_parts import Counts
from anatomy.bench.records.rounding_tolerance import ROUNDOFF, relative_deviation, rounding_tolerance
from anatomy.bench.regression_gate.gate_result import MetricResult, MetricVerdict
from anatomy.bench.regression_gate.policy import Metric, Rule

Facts = Mapping[str, Any]
# Metrics that are fields of a model's counts.
COUNTED: tuple[Metric, ...] = ("parameters", "flops")


class Stated:
    """Settings and counts that a side reported for a case, as `anatomy.bench.records.parity` reads them."""

    def __init__(self, facts: Facts) -> None:
        self.settings: Mapping[str, Any] = facts.get("settings") or {}
        counts = facts.get("counts")
        self.counts: Counts | None = Counts.model_validate(counts) if counts is not None else None
        self.layers = [LayerOutline.model_validate(layer) for layer in facts.get("layers") or ()]

    @property
    def manifest(self) -> Manifest:
        """Settings in effect, spelt alike for all backends."""
        return manifest(self.settings, self.counts)


def compare_exactly(case: Case, base: Facts, candidate: Facts, rules: Mapping[Metric, Rule]) -> list[MetricResult]:
    """Compare parameters, FLOPs, programs and outputs of one process of each side."""
    ours, theirs = Stated(base), Stated(candidate)
    found = [_counted(name, ours.counts, theirs.counts, rules[name]) for name in COUNTED]
    if case.mode != "count":
        found.append(_programs(_programs_of(base), _programs_of(candidate), rules["programs"]))
        found.append(_outputs(case, base, candidate, ours, theirs, rules["outputs"]))
    return found


def _counted(name: Metric, ours: Counts | None, theirs: Counts | None, rule: Rule) -> MetricResult:
    """Compare a count; fewer is as much another model as more. Lower bounds compare where they leave out the same."""
    if ours is None or theirs is None:
        return _unknown(name, rule, "not counted")
    reason = ""
    if ours.whole(name) is None or theirs.whole(name) is None:
        mine, other = (", ".join(counts.uncounted) or "nothing" for counts in (ours, theirs))
        if mine != other:
            return _unknown(name, rule, f"left out of the count: {mine} in the base, {other} in the candidate")
        reason = f"of the layers that are counted; left out: {mine}"
    base, candidate = getattr(ours, name), getattr(theirs, name)
    change = (candidate / base - 1) if base else (0.0 if candidate == base else float("inf"))
    verdict = _judged(rule, abs(candidate - base) <= max(rule.tolerated * base, rule.floor))
    return MetricResult(
        metric=name,
        verdict=verdict,
        base=base,
        candidate=candidate,
        change=change if abs(change) != float("inf") else None,
        tolerated=rule.tolerated,
        reason=reason,
    )


def _programs(base: int | None, candidate: int | None, rule: Rule) -> MetricResult:
    """Compare the number of programs compiled before and during the turns; fewer is fine."""
    if base is None or candidate is None:
        return _unknown("programs", rule, "not counted")
    verdict = _judged(rule, candidate - base <= max(rule.tolerated * base, rule.floor))
    return MetricResult(metric="programs", verdict=verdict, base=base, candidate=candidate, tolerated=rule.tolerated)


def _programs_of(facts: Facts) -> int | None:
    programs = facts.get("programs")
    return None if programs is None else int(programs) + int(facts.get("recompilations") or 0)


def _outputs(case: Case, base: Facts, candidate: Facts, ours: Stated, theirs: Stated, rule: Rule) -> MetricResult:
    """Compare the first step's outputs on equal weights and inputs, within what rounding allows."""
    if case.mode != "infer":
        return MetricResult(metric="outputs", verdict="SHOWN", reason="compared in infer mode")
    mine, other = base.get("output_sample"), candidate.get("output_sample")
    if not mine or not other:
        return _unknown("outputs", rule, "no sample of the outputs")
    if {base.get("stateful"), candidate.get("stateful")} == {None, True}:
        reason = "an older record has the first step's outputs, and of a stateful model the second's are compared"
        return _unknown("outputs", rule, reason)
    if len(mine) != len(other):
        reason = f"{len(mine)} values of the outputs in the base, {len(other)} in the candidate"
        return MetricResult(metric="outputs", verdict=_judged(rule, False), reason=reason)
    allowed = rounding_tolerance(ours.counts, ours.manifest.product_dtype, theirs.manifest.product_dtype)
    allowed = max(rule.tolerated, allowed if allowed is not None else 8 * ROUNDOFF["float32"])
    deviation = relative_deviation(other, mine)
    return MetricResult(
        metric="outputs",
        verdict=_judged(rule, deviation <= allowed),
        candidate=deviation,
        tolerated=allowed,
        reason="largest difference over the largest value",
    )


def _unknown(metric: Metric, rule: Rule, reason: str) -> MetricResult:
    return MetricResult(metric=metric, verdict="INCONCLUSIVE" if rule.gated else "SHOWN", reason=reason)


def _judged(rule: Rule, fine: bool) -> MetricVerdict:
    if not rule.gated:
        return "SHOWN"
    return "PASS" if fine else "FAIL"
