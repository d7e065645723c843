"""Compare cases on two sides: one host a side and backend, fresh pairs of processes, a verdict a case."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, variance
from types import TracebackType
from typing import Protocol

import numpy as np

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError
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
from anatomy.bench.regression_gate.process_pair import Pair, Runner, worker_request
from anatomy.bench.regression_gate.sampled_metrics import cpu_change, metric_result, observe
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, TimeLeft, judge
from anatomy.bench.regression_gate.side_names import SIDES, SideName
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.fork_client import HostChannel
from anatomy.bench.runner.worker_handle import Worker

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
        self._hosts: dict[tuple[SideName, Backend], HostChannel] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
        self._hosts.clear()

    def versions(self, side: SideName) -> dict[str, dict[str, str]]:
        """Of the packages of a side, by backend, as far as it has measured."""
        return {backend: host.versions for (name, backend), host in self._hosts.items() if name == side}

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
        requests = {
            name: worker_request(self.sides[name], result.case, self._settings, self._paths, self._logs(), "profile")
            for name in SIDES
        }
        try:
            hosts = self._both_hosts(result.case)
        except SetupError as error:
            return result.model_copy(update={"not_explained": str(error)})
        return explain_failure(result, hosts, requests, self._settings, self._folder)

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
            request = worker_request(self.sides[name], case, self._settings, self._paths, self._logs(), "count")
            worker = Worker(host, request, self._settings)
            worker.follow()
            if worker.findings.outcome != "ok":
                return _result(case, "ERROR", f"{name}: {worker.findings.outcome}: {worker.findings.reason}")
            facts[name] = worker.findings.facts
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
        request = worker_request(self.sides[name], case, self._settings, self._paths, self._logs(), "find")
        request["find"] = sorted({case.model for case in cases})
        try:
            host = self._host(name, self.sides[name].case(case).backend)
        except SetupError as error:
            raise SetupError(f"{name} ({self.sides[name].what}): {error}") from error
        worker = Worker(host, request, self._settings)
        worker.follow()
        if worker.findings.outcome != "ok":
            raise SetupError(f"{name}: the models could not be looked for: {worker.findings.reason}")
        missing: dict[str, str] = worker.findings.facts["missing"]
        return missing

    def _both_hosts(self, case: Case) -> dict[SideName, HostChannel]:
        return {name: self._host(name, self.sides[name].case(case).backend) for name in SIDES}

    def _host(self, name: SideName, backend: Backend) -> HostChannel:
        held = self._hosts.get((name, backend))
        if held is None or not held.alive:
            side = self.sides[name]
            held = self._hosts[name, backend] = HostChannel(
                backend,
                self._folder / "logs" / name,
                python=side.python,
                directory=side.directory,
                environment=_SHARED_DEVICE | dict(side.environment),
            )
            self._stack.callback(held.close)
        return held

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
