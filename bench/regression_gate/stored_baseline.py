"""A stored run as the base: exact figures always, time only when told to, and then with a warning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median, variance

from scipy import stats

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.bench.regression_gate.exact_metrics import Facts, compare_exactly
from anatomy.bench.regression_gate.gate_result import CaseResult, CaseVerdict, MetricResult
from anatomy.bench.regression_gate.group_sequential import ALPHA, Estimate
from anatomy.bench.regression_gate.policy import METRICS, Policy, Rule

UNRELIABLE = (
    "Time was compared with a stored run: what else the machine did at either time is in it, so that identical code"
    " may FAIL and slower code may PASS. Compare with a revision to be sure."
)


def require_same_machine(run: Run, fingerprint: str) -> None:
    """Time of one machine says nothing of another's.

    Raises:
        UsageError: the run was made in another environment.
    """
    theirs = run.header.environment.fingerprint
    if theirs != fingerprint:
        raise UsageError(
            f"{run.path} was measured in another environment ({theirs}, here {fingerprint}): its times do not compare;"
            " leave out --allow-stored-time to compare exact figures alone, or name a revision"
        )


def compare_with_stored(
    run: Run, records: Sequence[Record], policy: Callable[[Case], Policy], with_time: bool
) -> list[CaseResult]:
    """A result for each of the candidate's records, and a FAIL for each case that only the run has."""
    stored = {record.key: record for record in run.records}
    found = [_compare(stored.get(record.key), record, policy(record.case), with_time) for record in records]
    ours = {record.key for record in records}
    gone = [record for key, record in stored.items() if key not in ours]
    return found + [_missing(record.case, "candidate", f"{run.path} has it") for record in gone]


def _compare(base: Record | None, candidate: Record, policy: Policy, with_time: bool) -> CaseResult:
    if base is None:
        return _missing(candidate.case, "base", "the stored run has no record of it")
    if base.outcome == candidate.outcome == "unsupported":
        return _without_figures(candidate.case, "INCONCLUSIVE", f"skipped: {candidate.reason}")
    for name, record in (("base", base), ("candidate", candidate)):
        if record.outcome != "ok":
            return _without_figures(candidate.case, "ERROR", f"{name}: {record.outcome}: {record.reason}")
    rules = {metric: policy.rule(candidate.case, metric) for metric in METRICS}
    metrics = compare_exactly(candidate.case, _facts(base), _facts(candidate), rules)
    if with_time and candidate.case.mode != "count":
        metrics = [_time(base, candidate, rules["step"]), *metrics]
    verdicts = {metric.verdict for metric in metrics}
    verdict: CaseVerdict = "FAIL" if "FAIL" in verdicts else "INCONCLUSIVE" if "INCONCLUSIVE" in verdicts else "PASS"
    said = ", ".join(metric.metric for metric in metrics if metric.verdict in ("FAIL", "INCONCLUSIVE"))
    return CaseResult(
        case=candidate.case, name=case_name(candidate.case), verdict=verdict, reason=said, metrics=metrics
    )


def _facts(record: Record) -> Facts:
    """What a record has of what a process of a pair states; it has programs only of the measured window."""
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
    found = _welch(ours, theirs)
    margins = rule.margins(math.exp(median(ours)))
    failed, passed = found.low > margins.fail_above, found.high < margins.pass_below
    return MetricResult(
        metric="step",
        verdict="SHOWN" if not rule.gated else "FAIL" if failed else "PASS" if passed else "INCONCLUSIVE",
        unit="s",
        base=base.step_median_s,
        candidate=candidate.step_median_s,
        change=math.expm1(found.mean),
        low=math.expm1(found.low),
        high=math.expm1(min(found.high, 50.0)),
        tolerated=margins.tolerated,
        minimum=margins.minimum,
        reason="against a stored run: unreliable",
    )


def _welch(base: Sequence[float], candidate: Sequence[float]) -> Estimate:
    first, second = variance(base) / len(base), variance(candidate) / len(candidate)
    mean = fmean(candidate) - fmean(base)
    if first + second == 0:
        return Estimate(mean, mean, mean, len(base))
    degrees = (first + second) ** 2 / (first**2 / (len(base) - 1) + second**2 / (len(candidate) - 1))
    half = float(stats.t.isf(ALPHA, degrees)) * math.sqrt(first + second)
    return Estimate(mean, mean - half, mean + half, min(len(base), len(candidate)))


def _missing(case: Case, side: str, why: str) -> CaseResult:
    return _without_figures(case, "FAIL", f"missing on the {side}: {why}")


def _without_figures(case: Case, verdict: CaseVerdict, reason: str) -> CaseResult:
    return CaseResult(case=case, name=case_name(case), verdict=verdict, reason=reason)
