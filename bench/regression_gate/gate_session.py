"""Compare cases on two sides: one host a side and backend, fresh pairs of processes, a verdict a case."""

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
from types import TracebackType
from typing import Protocol

import numpy as np

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.protocol.events import ModelsMissing
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.parity import differences
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.exact_metrics import Stated, compare_exactly
from anatomy.bench.regression_gate.explain_failure import explain_failure, is_slower
from anatomy.bench.regression_gate.gate_result import PAIRS_FILE, CaseResult, CaseVerdict, MetricResult
from anatomy.bench.regression_gate.group_sequential import LOOKS
from anatomy.bench.regression_gate.margins import Margins
from anatomy.bench.regression_gate.pair_effect import MOST_STEPS, steps_a_pair
from anatomy.bench.regression_gate.policy import METRICS, SAMPLED, Metric, Policy, Rule
from anatomy.bench.regression_gate.process_pair import Pair, Runner, worker_place
from anatomy.bench.regression_gate.sampled_metrics import cpu_change, metric_result, observe
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, TimeLeft, judge
from anatomy.bench.regression_gate.side_names import SIDES, SideName
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.fork_servers import ForkServers
from anatomy.bench.runner.requests import FindModels, MeasureCase, WorkerPlace
from anatomy.bench.runner.worker_handle import WorkerHandle

# Turns a side until the first look has shown how much of the variance lies within a pair.
PILOT_TURNS = 40
# Two processes share the device: neither may take all of its memory when it starts. What is set already stays.
_SHARED_DEVICE = {
    name: os.environ.get(name, value)
    for name, value in {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}.items()
}

Rules = Mapping[Metric, Rule]


class Listener(Protocol):
    """Told what happens, between pairs and never while one is measured."""

    def pair(self, name: str, number: int) -> None:
        """A case has its `number`-th pair."""


@dataclass
class _Drawing:
    """One case's pairs as they are drawn."""

    runner: Runner
    name: str
    folder: Path
    listener: Listener
    pairs: list[Pair] = field(default_factory=list)
    turns: int = PILOT_TURNS
    seconds: float = 0.0

    def draw(self) -> Mapping[str, Observation]:
        """A fresh pair, on disk before it is judged."""
        begin = time.perf_counter()
        try:
            pair = self.runner.run(len(self.pairs), self.turns, checked=not self.pairs)
        finally:
            self.seconds += time.perf_counter() - begin
        self.pairs.append(pair)
        with (self.folder / PAIRS_FILE).open("a") as file:
            line = {"key": self.runner.case.key, "number": len(self.pairs) - 1} | pair.model_dump()
            file.write(json.dumps(line) + "\n")
        if len(self.pairs) == LOOKS[0]:
            self.turns = best_turns(self.pairs)
        self.listener.pair(self.name, len(self.pairs))
        return observe(pair)


class Comparison:
    """Two sides, with their hosts. Use as a context manager."""

    def __init__(
        self,
        base: Side,
        candidate: Side,
        settings: MeasureSettings,
        folder: Path,
        listener: Listener,
        paths: Sequence[str] = (),
    ) -> None:
        self.sides: dict[SideName, Side] = {"base": base, "candidate": candidate}
        self._settings, self._listener = settings, listener
        self._folder, self._paths = folder, tuple(paths)
        self._servers: ForkServers[tuple[SideName, Backend]] = ForkServers(self._start)

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._servers.close()

    def versions(self, side: SideName) -> dict[str, dict[str, str]]:
        """Of the packages of a side, by backend, as far as it has measured."""
        return {backend: found for (name, backend), found in self._servers.versions().items() if name == side}

    def missing(self, cases: Sequence[Case]) -> dict[str, tuple[SideName, str]]:
        """Key of a case → the side that lacks its model, and why."""
        found: dict[str, tuple[SideName, str]] = {}
        for name in SIDES:
            if not cases or self.sides["base"].directory == self.sides["candidate"].directory:
                continue
            lacking = self._ask_for_models(name, cases)
            found |= {case.key: (name, lacking[case.model]) for case in cases if case.model in lacking}
        return found

    def judge(
        self,
        cases: Sequence[Case],
        policy: Policy,
        time_left: TimeLeft = lambda share: True,
        confirm_at: float | None = None,
    ) -> list[CaseResult]:
        """A result for each case, in order; a case that cannot be measured is an ERROR, a skipped one INCONCLUSIVE."""
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
                    runner = Runner(case, self.sides, self._both_hosts(case), self._settings, self._paths, self._logs())
                    drawings[case.key] = _Drawing(runner, case_name(case), self._folder, self._listener)
            except SetupError as error:
                done[case.key] = _result(case, "ERROR", str(error))
        margins = {key: _margins(rules[key]) for key in drawings}
        judged, errors = judge({key: d.draw for key, d in drawings.items()}, margins, time_left, confirm_at)
        for key, drawing in drawings.items():
            if key in errors:
                done[key] = _result(drawing.runner.case, "ERROR", str(errors[key]), drawing)
            else:
                done[key] = self._concluded(drawing, rules[key], judged[key])
        return [done[case.key] for case in cases]

    def explain(self, results: Sequence[CaseResult], time_left: TimeLeft = lambda share: True) -> list[CaseResult]:
        """The same, with what accounts for each slower step, as far as there is time."""
        found = []
        for result in results:
            if not is_slower(result):
                found.append(result)
            elif not time_left(1.0):
                found.append(result.model_copy(update={"not_explained": "no time was left to profile it"}))
            else:
                found.append(self._explained(result))
        return found

    def _explained(self, result: CaseResult) -> CaseResult:
        cases = {name: self.sides[name].case(result.case) for name in SIDES}
        places = {name: self._place(name, result.case, "profile") for name in SIDES}
        try:
            hosts = self._both_hosts(result.case)
        except SetupError as error:
            return result.model_copy(update={"not_explained": str(error)})
        return explain_failure(result, hosts, cases, places, self._settings, self._folder)

    def _rules(self, case: Case, policy: Policy) -> Rules:
        """What the policy says of each metric of a case."""
        rules = {metric: policy.rule(case, metric) for metric in METRICS}
        ours, theirs = (self.sides[name].case(case) for name in SIDES)
        if (ours.backend, ours.jit) != (theirs.backend, theirs.jit):
            # Compiling more is what was asked for.
            rules["programs"] = rules["programs"].model_copy(update={"gated": False})
        return rules

    def _refusal(self, case: Case) -> CaseResult | None:
        """A result without measuring, where a side cannot run the case at all."""
        if case.mode in ("fit", "predict"):
            return _result(
                case, "ERROR", f"{case.mode}: the gate compares the compiled step; use --mode train or infer"
            )
        reasons = {name: unsupported_reason(self.sides[name].case(case)) for name in SIDES}
        if all(reasons.values()):
            return _result(case, "INCONCLUSIVE", f"skipped: {reasons['candidate']}")
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        return _result(case, "ERROR", said) if said else None

    def _counted(self, case: Case, rules: Rules) -> CaseResult:
        """A case that is counted and not run."""
        facts = {}
        for name, host in self._both_hosts(case).items():
            place, own = self._place(name, case, "count"), self.sides[name].case(case)
            result = WorkerHandle(host, MeasureCase(place=place, settings=self._settings, case=own)).run_to_end()
            if result.outcome != "ok":
                return _result(case, "ERROR", f"{name}: {result.outcome}: {result.reason}")
            facts[name] = result.facts.known()
        metrics = compare_exactly(case, facts["base"], facts["candidate"], rules)
        return CaseResult(case=case, name=case_name(case), verdict=_worst(metrics), metrics=metrics)

    def _concluded(self, drawing: _Drawing, rules: Rules, judged: Mapping[str, Judged]) -> CaseResult:
        case, pairs = drawing.runner.case, drawing.pairs
        if not pairs:
            return _result(case, "INCONCLUSIVE", "no time was left for it")
        ours, theirs = pairs[0].base.facts, pairs[0].candidate.facts
        sampled = [metric_result(metric, pairs, judged.get(metric), rules[metric].gated) for metric in SAMPLED]
        metrics = [metric for metric in sampled if metric is not None] + compare_exactly(case, ours, theirs, rules)
        return CaseResult(
            case=case,
            name=drawing.name,
            verdict=_worst(metrics),
            reason=_said(metrics),
            metrics=metrics,
            differences={
                name: list(values)
                for name, values in differences(Stated(ours).manifest, Stated(theirs).manifest).items()
            },
            cpu_change=cpu_change(pairs),
            pairs=len(pairs),
            seconds=drawing.seconds,
        )

    def _ask_for_models(self, name: SideName, cases: Sequence[Case]) -> dict[str, str]:
        """Models that a side lacks, and why."""
        case = next((case for case in cases if not unsupported_reason(case)), None)
        if case is None:
            return {}
        models = tuple(sorted({case.model for case in cases}))
        request = FindModels(place=self._place(name, case, "find"), settings=self._settings, models=models)
        try:
            host = self._host(name, self.sides[name].case(case).backend)
        except SetupError as error:
            raise SetupError(f"{name} ({self.sides[name].what}): {error}") from error
        worker = WorkerHandle(host, request)
        missing = worker.run_until(ModelsMissing)
        result = worker.run_to_end()
        if missing is None or result.outcome != "ok":
            raise SetupError(f"{name}: the models could not be looked for: {result.reason}")
        return missing.reasons

    def _both_hosts(self, case: Case) -> dict[SideName, ForkServerClient]:
        return {name: self._host(name, self.sides[name].case(case).backend) for name in SIDES}

    def _host(self, name: SideName, backend: Backend) -> ForkServerClient:
        return self._servers.get((name, backend))

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
        return worker_place(self.sides[name], case, self._paths, self._logs(), what)

    def _logs(self) -> Path:
        folder = self._folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _margins(rules: Rules) -> dict[str, Callable[[float], Margins]]:
    return {metric: partial(Rule.margins, rules[metric]) for metric in SAMPLED if rules[metric].gated}


def best_turns(pairs: Sequence[Pair]) -> int:
    """Turns a side for the pairs to come, from what the first ones cost and how they vary."""
    logs = [np.log(pair.candidate.step_s) - np.log(pair.base.step_s) for pair in pairs]
    within = fmean(variance(values.tolist()) for values in logs)
    effects = [float(values.mean()) for values in logs]
    between = variance(effects) - within / fmean(len(values) for values in logs)
    turn_s = fmean((pair.seconds - pair.start_s) / len(pair.base.step_s) for pair in pairs)
    if turn_s <= 0 or within <= 0:
        return MOST_STEPS
    return steps_a_pair(fmean(pair.start_s for pair in pairs), turn_s, within, between)


def _result(case: Case, verdict: CaseVerdict, reason: str, drawing: _Drawing | None = None) -> CaseResult:
    pairs, seconds = (len(drawing.pairs), drawing.seconds) if drawing else (0, 0.0)
    return CaseResult(case=case, name=case_name(case), verdict=verdict, reason=reason, pairs=pairs, seconds=seconds)


def _worst(metrics: Sequence[MetricResult]) -> CaseVerdict:
    found = {metric.verdict for metric in metrics}
    if "FAIL" in found:
        return "FAIL"
    return "INCONCLUSIVE" if "INCONCLUSIVE" in found else "PASS"


def _said(metrics: Sequence[MetricResult]) -> str:
    """Which figures made the verdict, in words."""
    parts = []
    for metric in metrics:
        if metric.verdict == "FAIL":
            grown = f" {metric.change:+.1%}" if metric.change is not None and math.isfinite(metric.change) else ""
            parts.append(f"{metric.metric}{grown}")
        elif metric.verdict == "INCONCLUSIVE":
            parts.append(f"{metric.metric}: {metric.reason}")
    return ", ".join(parts)
