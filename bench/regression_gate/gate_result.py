"""The result of a comparison: `gate.json`, from which every report of it is made.

`pairs.jsonl` beside it has the raw times of each pair of processes, one line per pair, written as it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from anatomy.bench.profiling.explanation import Explanation
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.frozen import Frozen

SideName = Literal["base", "candidate"]
SIDES: tuple[SideName, SideName] = ("base", "candidate")

SCHEMA_VERSION = 1
RESULT_FILE = "gate.json"
PAIRS_FILE = "pairs.jsonl"

# PASS: shown to be fine. FAIL: a regression, or a case that one side lacks. ERROR: not measured on a side.
# NEW: absent in the base, which was allowed. SHOWN: a figure that the policy does not judge.
MetricVerdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "SHOWN"]
CaseVerdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "ERROR", "NEW"]
# Worst first. The worst verdict of the cases is that of the comparison.
ORDER: tuple[CaseVerdict, ...] = ("FAIL", "ERROR", "INCONCLUSIVE", "PASS", "NEW")


class SideInfo(Frozen):
    """A side as reports show it.

    Attributes:
        what: in words, e.g. `origin/main (1a2b3c4)`.
        settings: fields of a case that the side changes.
        environment: variables that are set for its processes.
        versions: backend → package → version.
    """

    name: SideName
    what: str
    commit: str | None = None
    python: str
    settings: dict[str, str] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, dict[str, str]] = Field(default_factory=dict)


class MetricResult(Frozen):
    """One figure of a case on both sides.

    Attributes:
        metric: `step`, `compile`, `peak_host`, `peak_device`, `parameters`, `flops`, `programs` or `outputs`.
        unit: `s`, `bytes`, or empty for counts and for the relative deviation of outputs.
        base, candidate: medians over pairs, or the exact figures.
        change: relative growth; for sampled metrics the mean of the pairs' effects, not the ratio of the medians.
        low, high: interval of `change` over the pairs that decided the verdict.
        tolerated, minimum: the margins that held, floor included; `minimum` is None for exact metrics.
        effects: ln(candidate / base) of each pair of the screening.
        confirmation: the same of the fresh pairs.
        reason: in words, where the figures do not say it.
    """

    metric: str
    verdict: MetricVerdict
    unit: str = ""
    base: float | None = None
    candidate: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    tolerated: float | None = None
    minimum: float | None = None
    effects: list[float] = Field(default_factory=list)
    confirmation: list[float] = Field(default_factory=list)
    reason: str = ""

    @property
    def pairs(self) -> int:
        """Number of pairs of processes used."""
        return len(self.effects) + len(self.confirmation)


class CaseResult(Frozen):
    """One case.

    Attributes:
        item: id of the pytest item that was judged; None outside pytest.
        differences: settings in effect that differ between the sides: name → value of the base and of the candidate.
        structure: what was changed in the model's layers, in words; empty where nothing was, or where a side is a run,
            whose records have no layers.
        cpu_change: relative growth of the CPU time per step: a second witness that decides nothing.
        pairs: number of pairs of processes.
        seconds: time used.
        explanation: layers that account for a slower step; None where it is not slower, or where `not_explained`
            says why they are not known.
    """

    case: Case
    name: str
    verdict: CaseVerdict
    reason: str = ""
    item: str | None = None
    metrics: list[MetricResult] = Field(default_factory=list)
    differences: dict[str, list[Any]] = Field(default_factory=dict)
    structure: list[str] = Field(default_factory=list)
    cpu_change: float | None = None
    pairs: int = 0
    seconds: float = 0.0
    explanation: Explanation | None = None
    not_explained: str = ""

    def metric(self, name: str) -> MetricResult | None:
        """The figure of that name."""
        return next((metric for metric in self.metrics if metric.metric == name), None)


class GateResult(Frozen):
    """A comparison of two sides.

    Attributes:
        id: name of its folder.
        started_at: ISO 8601, UTC.
        suite: name of the suite; `pytest` where items were judged.
        notes: what a reader must know beside the figures, e.g. how unreliable a stored time is.
        seconds: time used.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    started_at: str
    command: list[str]
    suite: str
    base: SideInfo
    candidate: SideInfo
    environment: Environment
    cases: list[CaseResult]
    notes: list[str] = Field(default_factory=list)
    seconds: float = 0.0

    @property
    def verdict(self) -> CaseVerdict | None:
        """The worst verdict of the cases; None where no case was compared."""
        present = {case.verdict for case in self.cases}
        worst = next((verdict for verdict in ORDER if verdict in present), None)
        return None if worst == "NEW" else worst

    def count(self, verdict: CaseVerdict) -> int:
        """Number of cases with a verdict."""
        return sum(case.verdict == verdict for case in self.cases)


def worst_verdict(metrics: Sequence[MetricResult]) -> CaseVerdict:
    """The verdict of a case with these figures."""
    found = {metric.verdict for metric in metrics}
    if "FAIL" in found:
        return "FAIL"
    return "INCONCLUSIVE" if "INCONCLUSIVE" in found else "PASS"


def unmeasured_case(case: Case, verdict: CaseVerdict, reason: str) -> CaseResult:
    """The result of a case without figures."""
    return CaseResult(case=case, name=case_name(case), verdict=verdict, reason=reason)


def missing_case(case: Case, side: SideName, why: str, allow_new: bool = False) -> CaseResult:
    """The result of a case that one side lacks: FAIL, or NEW where the base lacks it and that is allowed."""
    if side == "base" and allow_new:
        return unmeasured_case(case, "NEW", f"missing on the base: {why}")
    remedy = "; --allow-new lets a new case through (pytest: --anatomy-allow-new)" if side == "base" else ""
    return unmeasured_case(case, "FAIL", f"missing on the {side}: {why}{remedy}")
