"""Compare cases on two sides by fresh pairs of processes; there is one fork server per side and backend."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, variance
from typing import Protocol

import numpy as np

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.protocol.events import ModelsMissing
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.jsonl import append_line
from anatomy.bench.records.parity import differences
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.exact_metrics import Stated, compare_exactly
from anatomy.bench.regression_gate.explain_failure import explain_failure, is_slower
from anatomy.bench.regression_gate.gate_result import (
    PAIRS_FILE,
    CaseResult,
    MetricResult,
    unmeasured_case,
    worst_verdict,
)
from anatomy.bench.regression_gate.group_sequential import LOOKS
from anatomy.bench.regression_gate.margins import Margins
from anatomy.bench.regression_gate.pair_effect import MOST_STEPS, steps_per_pair
from anatomy.bench.regression_gate.policy import METRICS, SAMPLED, Metric, Policy, Rule
from anatomy.bench.regression_gate.process_pair import Pair, PairRunner, worker_place
from anatomy.bench.regression_gate.sampled_metrics import cpu_change, metric_result, observe
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, TimeLeft, judge
from anatomy.bench.regression_gate.side_names import SIDES, SideName
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.fork_servers import ForkServers
from anatomy.bench.runner.requests import FindModels, MeasureCase, WorkerPlace
from anatomy.bench.runner.worker_handle import WorkerHandle

# Turns per side until the first look has shown how much of the variance lies within a pair.
PILOT_TURNS = 40
# Two processes share the device: neither may allocate all of its memory at the start. A variable that is set stays.
_SHARED_DEVICE = {
    name: os.environ.get(name, value)
    for name, value in {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}.items()
}

Rules = Mapping[Metric, Rule]


class Listener(Protocol):
    """Told what happens, between pairs and never while one is measured."""

    def pair(self, name: str, number: int) -> None:
        """The `number`-th pair of a case has been measured."""


class Silent:
    """A listener that does nothing."""

    def pair(self, name: str, number: int) -> None:
        """Ignore."""


@dataclass
class _Drawing:
    """The pairs of one case as they are drawn."""

    runner: PairRunner
    name: str
    folder: Path
    listener: Listener
    pairs: list[Pair] = field(default_factory=list)
    turns: int = PILOT_TURNS
    seconds: float = 0.0

    def draw(self) -> Mapping[str, Observation]:
        """Measure a fresh pair; it is on disk before it is judged."""
        begin = time.perf_counter()
        try:
            pair = self.runner.run(len(self.pairs), self.turns, checked=not self.pairs)
        finally:
            self.seconds += time.perf_counter() - begin
        line = {"key": self.runner.case.key, "number": len(self.pairs)} | pair.model_dump()
        append_line(self.folder / PAIRS_FILE, json.dumps(line))
        self.pairs.append(pair)
        if len(self.pairs) == LOOKS[0]:
            self.turns = best_turns(self.pairs)
        self.listener.pair(self.name, len(self.pairs))
        return observe(pair)


class PairedComparison:
    """Two sides whose cases are compared by pairs of processes.

    Args:
        base, candidate: the sides.
        settings: how the processes of a pair are measured.
        folder: for pairs, logs and profiles; it exists.
        listener: told of each pair.
        import_paths: where workers look for modules after their directory.
    """

    def __init__(
        self,
        base: Side,
        candidate: Side,
        settings: MeasureSettings,
        folder: Path,
        listener: Listener,
        import_paths: Sequence[str] = (),
    ) -> None:
        self.sides: dict[SideName, Side] = {"base": base, "candidate": candidate}
        self._settings, self._listener = settings, listener
        self._folder, self._import_paths = folder, tuple(import_paths)
        self._servers: ForkServers[tuple[SideName, Backend]] = ForkServers(self._start)

    def close(self) -> None:
        """End the fork servers."""
        self._servers.close()

    def versions(self, side: SideName) -> dict[str, dict[str, str]]:
        """Versions of packages per backend that a side has measured on."""
        return {backend: found for (name, backend), found in self._servers.versions().items() if name == side}

    def missing(self, cases: Sequence[Case]) -> dict[str, tuple[SideName, str]]:
        """Find cases whose model one side lacks: key → the side, and why.

        Raises:
            SetupError: a side could not look for its models.
        """
        if self.sides["base"].directory == self.sides["candidate"].directory:
            return {}
        found: dict[str, tuple[SideName, str]] = {}
        for name in SIDES:
            reasons = self._missing_models(name, cases)
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
        done: dict[str, CaseResult] = {}
        drawings: dict[str, _Drawing] = {}
        for case in cases:
            try:
                refused = self._refusal(case)
                if refused is not None:
                    done[case.key] = refused
                elif case.mode == "count":
                    done[case.key] = self._counted(case, rules[case.key])
                else:
                    runner = PairRunner(
                        case, self.sides, self._both_servers(case), self._settings, self._import_paths, self._logs()
                    )
                    drawings[case.key] = _Drawing(runner, case_name(case), self._folder, self._listener)
            except SetupError as error:
                done[case.key] = unmeasured_case(case, "ERROR", str(error))
        margins = {key: _margins(rules[key]) for key in drawings}
        judged, errors = judge({key: d.draw for key, d in drawings.items()}, margins, time_left, confirm_at)
        for key, drawing in drawings.items():
            found = self._concluded(drawing, rules[key], judged[key], errors.get(key))
            done[key] = found.model_copy(update={"pairs": len(drawing.pairs), "seconds": drawing.seconds})
        return [done[case.key] for case in cases]

    def explain(self, results: Sequence[CaseResult], time_left: TimeLeft = lambda share: True) -> list[CaseResult]:
        """Add the layers that account for each slower step, while there is time."""
        return [self._explained(result, time_left) if is_slower(result) else result for result in results]

    def _explained(self, result: CaseResult, time_left: TimeLeft) -> CaseResult:
        if not time_left(1.0):
            return result.model_copy(update={"not_explained": "no time was left to profile it"})
        cases = {name: self.sides[name].case(result.case) for name in SIDES}
        places = {name: self._place(name, result.case, "profile") for name in SIDES}
        try:
            servers = self._both_servers(result.case)
        except SetupError as error:
            return result.model_copy(update={"not_explained": str(error)})
        return explain_failure(result, servers, cases, places, self._settings, self._folder)

    def _rules(self, case: Case, policy: Policy) -> Rules:
        """The rule of each metric of a case."""
        rules = {metric: policy.rule(case, metric) for metric in METRICS}
        ours, theirs = (self.sides[name].case(case) for name in SIDES)
        if (ours.backend, ours.jit) != (theirs.backend, theirs.jit):
            # The candidate was asked to compile differently.
            rules["programs"] = rules["programs"].model_copy(update={"gated": False})
        return rules

    def _refusal(self, case: Case) -> CaseResult | None:
        """The result of a case that a side cannot run at all."""
        if case.mode in ("fit", "predict"):
            why = f"{case.mode}: the gate compares the compiled step; use --mode train or infer"
            return unmeasured_case(case, "ERROR", why)
        reasons = {name: unsupported_reason(self.sides[name].case(case)) for name in SIDES}
        if all(reasons.values()):
            return unmeasured_case(case, "INCONCLUSIVE", f"skipped: {reasons['candidate']}")
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        return unmeasured_case(case, "ERROR", said) if said else None

    def _counted(self, case: Case, rules: Rules) -> CaseResult:
        """Compare a case that is counted and not run."""
        facts = {}
        for name, server in self._both_servers(case).items():
            place, own = self._place(name, case, "count"), self.sides[name].case(case)
            result = WorkerHandle(server, MeasureCase(place=place, settings=self._settings, case=own)).run_to_end()
            if result.outcome != "ok":
                return unmeasured_case(case, "ERROR", f"{name}: {result.outcome}: {result.reason}")
            facts[name] = result.facts.known()
        metrics = compare_exactly(case, facts["base"], facts["candidate"], rules)
        return CaseResult(case=case, name=case_name(case), verdict=worst_verdict(metrics), metrics=metrics)

    def _concluded(
        self, drawing: _Drawing, rules: Rules, judged: Mapping[str, Judged], error: SetupError | None
    ) -> CaseResult:
        case, pairs = drawing.runner.case, drawing.pairs
        if error is not None:
            return unmeasured_case(case, "ERROR", str(error))
        if not pairs:
            return unmeasured_case(case, "INCONCLUSIVE", "no time was left for it")
        ours, theirs = pairs[0].base.facts, pairs[0].candidate.facts
        sampled = [metric_result(metric, pairs, judged.get(metric), rules[metric].gated) for metric in SAMPLED]
        metrics = [metric for metric in sampled if metric is not None] + compare_exactly(case, ours, theirs, rules)
        unlike = differences(Stated(ours).manifest, Stated(theirs).manifest)
        return CaseResult(
            case=case,
            name=drawing.name,
            verdict=worst_verdict(metrics),
            reason=_decisive(metrics),
            metrics=metrics,
            differences={name: list(values) for name, values in unlike.items()},
            cpu_change=cpu_change(pairs),
        )

    def _missing_models(self, name: SideName, cases: Sequence[Case]) -> dict[str, str]:
        """Models that a side lacks, and why."""
        case = next((case for case in cases if not unsupported_reason(case)), None)
        if case is None:
            return {}
        models = tuple(sorted({case.model for case in cases}))
        request = FindModels(place=self._place(name, case, "find"), settings=self._settings, models=models)
        try:
            server = self._servers.get((name, self.sides[name].case(case).backend))
        except SetupError as error:
            raise SetupError(f"{name} ({self.sides[name].what}): {error}") from error
        worker = WorkerHandle(server, request)
        missing = worker.run_until(ModelsMissing)
        result = worker.run_to_end()
        if missing is None or result.outcome != "ok":
            raise SetupError(f"{name}: the models could not be looked for: {result.reason}")
        return missing.reasons

    def _both_servers(self, case: Case) -> dict[SideName, ForkServerClient]:
        return {name: self._servers.get((name, self.sides[name].case(case).backend)) for name in SIDES}

    def _start(self, name: tuple[SideName, Backend]) -> ForkServerClient:
        side_name, backend = name
        side = self.sides[side_name]
        return ForkServerClient(
            backend,
            self._folder / "logs" / side_name,
            python=side.python,
            directory=side.directory,
            environment=_SHARED_DEVICE | dict(side.environment),
        )

    def _place(self, name: SideName, case: Case, what: str) -> WorkerPlace:
        return worker_place(self.sides[name], case, self._import_paths, self._logs(), what)

    def _logs(self) -> Path:
        folder = self._folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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
