"""What came of a comparison: `gate.json`, from which every report of it is made.

Beside it `pairs.jsonl` has the raw times of each pair of processes, a line each, as they were measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.profiling.explanation import Explanation
from anatomy.bench.records.case import Case
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.regression_gate.side_names import SideName

SCHEMA_VERSION = 1
RESULT_FILE = "gate.json"
PAIRS_FILE = "pairs.jsonl"

# PASS: shown to be fine. FAIL: a regression, or a case that is gone. ERROR: could not be measured on a side.
# NEW: absent in the base, which was allowed. SHOWN: a figure that the policy does not judge.
MetricVerdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "SHOWN"]
CaseVerdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "ERROR", "NEW"]
# Worst first: what the whole comes to. With nothing compared it has no verdict.
ORDER: tuple[CaseVerdict, ...] = ("FAIL", "ERROR", "INCONCLUSIVE", "PASS", "NEW")


class SideInfo(Frozen):
    """A side, for people; `versions` of its packages, by backend."""

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
        change: relative growth, of which `low` to `high` is the interval of the pairs used for the verdict; for
            sampled metrics from the trimmed effects, so that it need not be the medians' ratio.
        tolerated, minimum: as they held, the floor worked in; `minimum` is null for exact metrics.
        effects: ln(candidate / base) of each pair of the screening; `confirmation`: of the fresh pairs.
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
        """Pairs of processes used."""
        return len(self.effects) + len(self.confirmation)


class CaseResult(Frozen):
    """One case.

    Attributes:
        item: the pytest item that it belongs to, where it does.
        differences: settings in effect that differ between the sides, name → base's and candidate's.
        cpu_change: relative growth of the CPU time of a step: a second witness, judged by nobody.
        seconds: time used.
        explanation: which layers account for a slower step; null where it is not slower, or `not_explained` says why.
    """

    case: Case
    name: str
    verdict: CaseVerdict
    reason: str = ""
    item: str | None = None
    metrics: list[MetricResult] = Field(default_factory=list)
    differences: dict[str, list[Any]] = Field(default_factory=dict)
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
        notes: what a reader must know beside the figures, e.g. how unreliable a stored time is.
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
        """The worst of the cases'; null when none was compared."""
        present = {case.verdict for case in self.cases}
        worst = next((verdict for verdict in ORDER if verdict in present), None)
        return None if worst == "NEW" else worst

    def count(self, verdict: CaseVerdict) -> int:
        """Cases with a verdict."""
        return sum(case.verdict == verdict for case in self.cases)


def load_result(folder: Path) -> GateResult:
    """Read `gate.json`.

    Raises:
        UsageError: it is not there, or damaged.
    """
    file = folder / RESULT_FILE
    if not file.exists():
        raise UsageError(f"{folder} holds no comparison: expected {RESULT_FILE} (written by `anatomy gate`)")
    try:
        return GateResult.model_validate_json(file.read_text())
    except ValidationError as error:
        raise UsageError(f"{file} is not the result of a comparison: {error}") from error
