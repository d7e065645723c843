"""Compare with a stored run: exact figures always, time only when that is allowed, with a warning."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, variance

from pydantic import ValidationError
from scipy import stats

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake
from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.new_run import new_run
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import DEFAULT_FOLDER, Run, interleave_processes, load_run
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.records.whole_file import make_output_folder
from anatomy.bench.regression_gate.exact_metrics import Facts, compare_exactly
from anatomy.bench.regression_gate.gate_request import GateRequest
from anatomy.bench.regression_gate.gate_result import (
    CaseResult,
    MetricResult,
    missing_case,
    unmeasured_case,
    worst_verdict,
)
from anatomy.bench.regression_gate.group_sequential import ALPHA
from anatomy.bench.regression_gate.policy import METRICS, Policy, Rule
from anatomy.bench.runner.application_records import parts
from anatomy.bench.runner.session import Session, Silent

UNRELIABLE = (
    "Time was compared with a stored run: what else the machine did at either time is in it, so that identical code"
    " may FAIL and slower code may PASS. Compare with a revision to be sure."
)
EXACT_ALONE = "Exact figures alone were compared with the stored run."


class StoredComparison:
    """A stored run and the candidate, which is measured alone and as the run was measured.

    Raises:
        UsageError: the request changes settings of the candidate, or the run's time does not compare.
    """

    def __init__(self, run: Run, request: GateRequest) -> None:
        if request.candidate:
            raise UsageError("--candidate changes settings of the working tree; its base cannot be a stored run")
        self.run = run
        self._request = request
        here = collect_environment.collect()
        if request.allow_stored_time:
            _require_same_machine(run, here.fingerprint)
        # Cases are compared by their keys, so each keeps its batch size.
        own = {"memory_limit_bytes": request.settings.memory_limit_bytes, "batch_of_dataset": False}
        try:
            self._settings = MeasureSettings.model_validate(run.header.settings | own)
        except ValidationError as error:
            why = first_mistake(error)
            raise UsageError(f"{run.path}: its settings are not those of this version: {why}") from error
        make_output_folder(request.out, Path(DEFAULT_FOLDER))
        self._writer = new_run(
            request.out / "candidate",
            suite=request.suite,
            command=request.command,
            settings=self._settings,
            environment=here,
            planned=self.cases() if request.selection else (),
        )
        self._session = Session(
            self._writer, self._settings, here.fingerprint, request.directory, import_paths=tuple(sys.path)
        )

    def close(self) -> None:
        """End the fork servers."""
        self._session.__exit__()

    def cases(self) -> list[Case]:
        """The cases selected; all of the stored run where nothing is selected."""
        chosen = self._request.selection
        if chosen is not None and (chosen.models or chosen.suite is not None):
            return chosen.cases(self._request.directory)
        stored = [*self.run.header.planned, *(record.case for record in self.run.records)]
        return list({case.key: case for case in stored}.values())

    def compare(self, cases: Sequence[Case], policy: Policy) -> list[CaseResult]:
        """Measure cases and compare each with its stored record."""
        with_time = self._request.allow_stored_time
        for part in parts(interleave_processes(cases, self._settings.processes if with_time else 1)):
            if part.is_application:
                self._session.run_application(part, Silent(), lambda record: None)
            else:
                self._session.measure(part.cases[0], Silent(), part.repeat)
        stored = {record.key: record for record in self.run.records}
        measured = {record.key: record for record in load_run(self._writer.path).records}
        return [
            compare_records(stored[case.key], measured[case.key], policy, with_time)
            if case.key in stored
            else _absent(measured[case.key], self._request.allow_new)
            for case in cases
        ]


def _absent(candidate: Record, allow_new: bool) -> CaseResult:
    """The result of a case that the stored run lacks: an error where the candidate has no figures of it either."""
    if candidate.outcome in ("ok", "unsupported"):
        return missing_case(candidate.case, "base", "the stored run has no record of it", allow_new)
    why = f"the stored run has no record of it; candidate: {candidate.outcome}: {candidate.reason}"
    return unmeasured_case(candidate.case, "ERROR", why)


def compare_records(base: Record, candidate: Record, policy: Policy, with_time: bool) -> CaseResult:
    """Compare the stored record of a case with that of the working tree.

    Args:
        policy: how much each figure may grow.
        with_time: whether step times are compared too.
    """
    case = candidate.case
    if base.outcome == candidate.outcome == "unsupported":
        return unmeasured_case(case, "INCONCLUSIVE", f"skipped: {candidate.reason}")
    for name, record in (("base", base), ("candidate", candidate)):
        if record.outcome != "ok":
            return unmeasured_case(case, "ERROR", f"{name}: {record.outcome}: {record.reason}")
    rules = {metric: policy.rule(case, metric) for metric in METRICS}
    if case.mode == "stage" and not with_time:
        return unmeasured_case(case, "INCONCLUSIVE", "a stage has no figure but its time: add --allow-stored-time")
    metrics = [] if case.mode == "stage" else compare_exactly(case, _facts(base), _facts(candidate), rules)
    if with_time and case.mode != "count":
        metrics = [_time(base, candidate, rules["step"]), *metrics]
    decisive = ", ".join(metric.metric for metric in metrics if metric.verdict in ("FAIL", "INCONCLUSIVE"))
    return CaseResult(case=case, name=case_name(case), verdict=worst_verdict(metrics), reason=decisive, metrics=metrics)


def _require_same_machine(run: Run, fingerprint: str) -> None:
    theirs = run.header.environment.fingerprint
    if theirs != fingerprint:
        raise UsageError(
            f"{run.path} was measured in another environment ({theirs}, here {fingerprint}): its times do not compare;"
            " leave out --allow-stored-time to compare exact figures alone, or name a revision"
        )


def _facts(record: Record) -> Facts:
    """The exact figures of a record, as a process of a pair reports them; programs of the measured window only."""
    facts: Mapping[str, object] = {
        "settings": record.settings,
        "counts": record.counts.model_dump() if record.counts else None,
        "output_sample": record.output_sample,
        "stateful": record.stateful,
        "programs": None if record.recompilations is None else 0,
        "recompilations": record.recompilations,
    }
    return facts


def _time(base: Record, candidate: Record, rule: Rule) -> MetricResult:
    """Welch's interval of the difference of ln(median step) between processes (Welch 1947, *Biometrika* 34)."""
    ours, theirs = ([math.log(value) for value in record.process_medians_s] for record in (base, candidate))
    if min(len(ours), len(theirs)) < 2:
        reason = f"{len(ours)} and {len(theirs)} processes: an interval needs two of each; use --processes 6 or more"
        return MetricResult(metric="step", verdict="INCONCLUSIVE" if rule.gated else "SHOWN", unit="s", reason=reason)
    mean = fmean(theirs) - fmean(ours)
    low, high = mean, mean
    if variance(ours) + variance(theirs) > 0:
        low, high = stats.ttest_ind(theirs, ours, equal_var=False).confidence_interval(1 - 2 * ALPHA)
    margins = rule.margins(math.exp(median(ours)))
    failed, passed = low > margins.fail_above, high < margins.pass_below
    return MetricResult(
        metric="step",
        verdict="SHOWN" if not rule.gated else "FAIL" if failed else "PASS" if passed else "INCONCLUSIVE",
        unit="s",
        base=base.step_median_s,
        candidate=candidate.step_median_s,
        change=math.expm1(mean),
        low=math.expm1(low),
        high=math.expm1(min(high, 50.0)),
        tolerated=margins.tolerated,
        minimum=margins.minimum,
        reason="against a stored run: unreliable",
    )
