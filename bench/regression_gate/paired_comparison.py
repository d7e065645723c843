"""Compare cases on two sides by fresh pairs of processes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, variance

import numpy as np

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.jsonl import append_line
from anatomy.bench.records.parity import differences
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.exact_metrics import Facts, Stated, compare_exactly
from anatomy.bench.regression_gate.explain_failure import explain_failure
from anatomy.bench.regression_gate.gate_result import (
    PAIRS_FILE,
    SIDES,
    CaseResult,
    MetricResult,
    SideName,
    unmeasured_case,
    worst_verdict,
)
from anatomy.bench.regression_gate.group_sequential import LOOKS
from anatomy.bench.regression_gate.margins import Margins
from anatomy.bench.regression_gate.pair_effect import MOST_STEPS, steps_per_pair
from anatomy.bench.regression_gate.policy import METRICS, SAMPLED, Metric, Policy, Rule
from anatomy.bench.regression_gate.process_pair import Pair, measure_pair
from anatomy.bench.regression_gate.sampled_metrics import cpu_change, metric_result, observe
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, TimeLeft, judge
from anatomy.bench.regression_gate.side_workers import SideWorkers
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.regression_gate.structural_changes import structural_changes

# Turns per side until the first look has shown how much of the variance lies within a pair.
PILOT_TURNS = 40
Rules = Mapping[Metric, Rule]
# Called between pairs, never while one is measured, with the name of a case and the number of its latest pair.
Listener = Callable[[str, int], None]


@dataclass
class _Drawing:
    """The pairs of one case as they are drawn."""

    case: Case
    workers: Mapping[SideName, SideWorkers]
    folder: Path
    listener: Listener | None
    pairs: list[Pair] = field(default_factory=list)
    turns: int = PILOT_TURNS
    seconds: float = 0.0

    def draw(self) -> Mapping[str, Observation]:
        """Measure a fresh pair; it is on disk before it is judged."""
        begin, number = time.perf_counter(), len(self.pairs)
        try:
            pair = measure_pair(
                self.case.key,
                number,
                self.turns,
                lambda name: self.workers[name].take_turns(self.case, number, checked=number == 0),
            )
        finally:
            self.seconds += time.perf_counter() - begin
        line = {"key": self.case.key, "number": number} | pair.model_dump()
        append_line(self.folder / PAIRS_FILE, json.dumps(line))
        self.pairs.append(pair)
        if len(self.pairs) == LOOKS[0]:
            self.turns = best_turns(self.pairs)
        if self.listener is not None:
            self.listener(case_name(self.case), len(self.pairs))
        return observe(pair)


class PairedComparison:
    """Two sides whose cases are compared by pairs of processes.

    Args:
        sides: base and candidate.
        settings: how the processes of a pair are measured.
        folder: for pairs, logs and profiles; it exists.
        listener: called after each pair.
        import_paths: where workers look for modules after their directory.
    """

    def __init__(
        self,
        sides: tuple[Side, Side],
        settings: MeasureSettings,
        folder: Path,
        listener: Listener | None = None,
        import_paths: Sequence[str] = (),
    ) -> None:
        self.sides: dict[SideName, Side] = dict(zip(SIDES, sides, strict=True))
        self._workers = {name: SideWorkers(side, settings, folder, import_paths) for name, side in self.sides.items()}
        self._folder, self._listener = folder, listener

    def close(self) -> None:
        """End the fork servers."""
        for workers in self._workers.values():
            workers.servers.close()

    def versions(self, side: SideName) -> dict[str, dict[str, str]]:
        """Versions of packages per backend that a side has measured on."""
        return dict(self._workers[side].servers.versions().items())

    def missing(self, cases: Sequence[Case]) -> dict[str, tuple[SideName, str]]:
        """Find cases whose model one side lacks: key → the side, and why.

        Raises:
            UsageError: neither side has a model: its name is a mistake, and no regression.
            SetupError: a side could not look for its models.
        """
        if self.sides["base"].directory == self.sides["candidate"].directory:
            return {}
        found: dict[str, tuple[SideName, str]] = {}
        lacking: dict[str, str] = {}
        for name in SIDES:
            reasons = self._workers[name].missing_models(cases)
            if nowhere := sorted(lacking.keys() & reasons):
                raise UsageError(f"{nowhere[0]} is on neither side: {reasons[nowhere[0]]}")
            lacking |= reasons
            found |= {case.key: (name, reasons[case.model]) for case in cases if case.model in reasons}
        return found

    def judge(
        self,
        cases: Sequence[Case],
        policy: Policy,
        time_left: TimeLeft = lambda share: True,
        confirm_at: float | None = None,
    ) -> list[CaseResult]:
        """Compare cases and judge them together: ERROR where one cannot be measured, INCONCLUSIVE where it is skipped.

        Args:
            cases: present on both sides.
            policy: how much each figure may grow.
            time_left: whether a share of the time is left.
            confirm_at: as for `sequential_sampling.judge`.
        """
        rules = {case.key: self._rules(case, policy) for case in cases}
        done = {case.key: self._without_pairs(case, rules[case.key]) for case in cases}
        drawings = {
            case.key: _Drawing(case, self._workers, self._folder, self._listener)
            for case in cases
            if done[case.key] is None
        }
        margins = {key: _margins(rules[key]) for key in drawings}
        judged, errors = judge({key: d.draw for key, d in drawings.items()}, margins, time_left, confirm_at)
        return [
            done[case.key] or _concluded(drawings[case.key], rules[case.key], judged[case.key], errors.get(case.key))
            for case in cases
        ]

    def explain(self, results: Sequence[CaseResult], time_left: TimeLeft = lambda share: True) -> list[CaseResult]:
        """Add the layers that account for each slower step, while there is time."""

        def profile(name: SideName, case: Case) -> Profile:
            if not time_left(1.0):
                raise SetupError("no time was left to profile it")
            return self._workers[name].profile(case)

        return [explain_failure(result, partial(profile, case=result.case)) for result in results]

    def _rules(self, case: Case, policy: Policy) -> Rules:
        """The rule of each metric of a case."""
        rules = {metric: policy.rule(case, metric) for metric in METRICS}
        ours, theirs = (self.sides[name].case(case) for name in SIDES)
        if (ours.backend, ours.jit) != (theirs.backend, theirs.jit):
            # The candidate was asked to compile differently.
            rules["programs"] = rules["programs"].model_copy(update={"gated": False})
        return rules

    def _without_pairs(self, case: Case, rules: Rules) -> CaseResult | None:
        """The result of a case that a side cannot run, or that is counted and not run; None where pairs decide."""
        if case.mode in ("fit", "predict"):
            why = f"{case.mode}: the gate compares the compiled step; use --mode train or infer"
            return unmeasured_case(case, "ERROR", why)
        reasons = {name: unsupported_reason(side.case(case)) for name, side in self.sides.items()}
        if all(reasons.values()):
            return unmeasured_case(case, "INCONCLUSIVE", f"skipped: {reasons['candidate']}")
        if any(reasons.values()):
            said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
            return unmeasured_case(case, "ERROR", said)
        if case.mode != "count":
            return None
        try:
            base, candidate = (self._workers[name].count(case) for name in SIDES)
        except SetupError as error:
            return unmeasured_case(case, "ERROR", str(error))
        metrics, changes = compare_exactly(case, base, candidate, rules), _structure(base, candidate)
        verdict = worst_verdict(metrics)
        return CaseResult(case=case, name=case_name(case), verdict=verdict, metrics=metrics, structure=changes)


def _concluded(drawing: _Drawing, rules: Rules, judged: Mapping[str, Judged], error: SetupError | None) -> CaseResult:
    case, pairs = drawing.case, drawing.pairs
    if error is not None:
        used = {"pairs": len(pairs), "seconds": drawing.seconds}
        return unmeasured_case(case, "ERROR", str(error)).model_copy(update=used)
    if not pairs:
        return unmeasured_case(case, "INCONCLUSIVE", "no time was left for it")
    ours, theirs = pairs[0].base.facts, pairs[0].candidate.facts
    sampled = [metric_result(metric, pairs, judged.get(metric), rules[metric].gated) for metric in SAMPLED]
    metrics = [metric for metric in sampled if metric is not None] + compare_exactly(case, ours, theirs, rules)
    unlike = differences(Stated(ours).manifest, Stated(theirs).manifest)
    return CaseResult(
        case=case,
        name=case_name(case),
        verdict=worst_verdict(metrics),
        reason=_decisive(metrics),
        metrics=metrics,
        differences={name: list(values) for name, values in unlike.items()},
        structure=_structure(ours, theirs),
        cpu_change=cpu_change(pairs),
        pairs=len(pairs),
        seconds=drawing.seconds,
    )


def _structure(base: Facts, candidate: Facts) -> list[str]:
    ours, theirs = Stated(base).layers, Stated(candidate).layers
    # A model whose layers could not be walked on a side says nothing of the other's.
    return structural_changes(ours, theirs) if ours and theirs else []


def best_turns(pairs: Sequence[Pair]) -> int:
    """Turns per side for the next pairs, from the cost and the variance of the first ones."""
    logs = [np.log(pair.candidate.step_s) - np.log(pair.base.step_s) for pair in pairs]
    within = fmean(variance(values.tolist()) for values in logs)
    effects = [float(values.mean()) for values in logs]
    between = variance(effects) - within / fmean(len(values) for values in logs)
    turn_s = fmean((pair.seconds - pair.start_s) / len(pair.base.step_s) for pair in pairs)
    if turn_s <= 0 or within <= 0:
        return MOST_STEPS
    return steps_per_pair(fmean(pair.start_s for pair in pairs), turn_s, within, between)


def _margins(rules: Rules) -> dict[str, Callable[[float], Margins]]:
    return {metric: partial(Rule.margins, rules[metric]) for metric in SAMPLED if rules[metric].gated}


def _decisive(metrics: Sequence[MetricResult]) -> str:
    """The figures that decided the verdict, in words."""
    parts = []
    for metric in metrics:
        if metric.verdict == "FAIL":
            grown = f" {metric.change:+.1%}" if metric.change is not None and math.isfinite(metric.change) else ""
            parts.append(f"{metric.metric}{grown}")
        elif metric.verdict == "INCONCLUSIVE":
            parts.append(f"{metric.metric}: {metric.reason}")
    return ", ".join(parts)
