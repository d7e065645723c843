"""The acceptance of a GPU as data: figures with their expectations, parts, and how verdicts follow from each other.

`gpu-acceptance.json` is an `Acceptance`. History of the format (`schema_version`):
    1   first version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

from anatomy.bench.records.environment import Environment
from anatomy.bench.records.frozen import Frozen

SCHEMA_VERSION = 1
STAND_IN = "a stand-in on the CPU cannot show it"

Verdict = Literal["passed", "failed", "not possible"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Figure(Frozen):
    """One figure beside what was expected of it.

    Attributes:
        name: what was measured.
        value: the figure, or a word such as a record's outcome; `None` where there is none.
        unit: unit of the value; empty for shares, ratios, counts and words.
        expectation: in words; `0.9 to 1.1` for a range, which includes its ends.
        verdict: whether the value is as expected, or cannot be judged here.
        reason: why it failed or is not possible; empty where it passed.
    """

    name: str
    value: float | str | None
    unit: str = ""
    expectation: str
    verdict: Verdict
    reason: str = ""

    def only_on_gpu(self, stand_in: bool) -> Figure:
        """The same figure; in a stand-in its value stays, and nothing is concluded from it."""
        return self.model_copy(update={"verdict": "not possible", "reason": STAND_IN}) if stand_in else self


class Part(Frozen):
    """One part of the acceptance.

    Attributes:
        name: name of the part.
        verdict: verdict over its figures; failed where it did not end by itself.
        reason: the first figure that decided it, or why the part did not end.
        seconds: wall-clock seconds of the part.
        budget_s: seconds after which it is ended.
        figures: in the order in which they were found.
        files: what the part left, relative to the folder of the result.
    """

    name: str
    verdict: Verdict
    reason: str = ""
    seconds: float
    budget_s: float
    figures: tuple[Figure, ...] = ()
    files: tuple[str, ...] = ()


class Acceptance(Frozen):
    """All parts on one machine.

    Attributes:
        stand_in: whether it ran on the CPU with recorded answers of NVML and small models.
        verdict: verdict over its parts.
        started_at: start, ISO 8601, UTC.
        seconds: wall-clock seconds of all parts.
        environment: machine, GPUs, driver and versions.
        parts: in the order in which they ran.
    """

    schema_version: int = SCHEMA_VERSION
    stand_in: bool
    verdict: Verdict
    started_at: str
    seconds: float
    environment: Environment
    parts: tuple[Part, ...]


def judge(
    name: str,
    value: float | None,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    unit: str = "",
    missing: str = "",
) -> Figure:
    """Judge a number by a range that includes its ends.

    Args:
        value: the number; `None` where it was not measured.
        missing: why it was not measured: then it is not possible here. A number that is missing without a reason, or is
            no finite number, fails.
    """
    expectation = _range(low, high)
    if value is None or not math.isfinite(value):
        verdict: Verdict = "not possible" if value is None and missing else "failed"
        reason = missing or ("not measured, and no reason given" if value is None else f"{value} is no finite number")
        return Figure(name=name, value=None, unit=unit, expectation=expectation, verdict=verdict, reason=reason)
    within = low <= value <= high
    reason = "" if within else f"{value:.6g} is not {expectation}"
    return Figure(
        name=name,
        value=value,
        unit=unit,
        expectation=expectation,
        verdict="passed" if within else "failed",
        reason=reason,
    )


def judge_word(name: str, word: str, expected: Sequence[str], said: str = "") -> Figure:
    """Judge a word, such as an outcome, by those that are expected.

    Args:
        said: what the product said beside it; kept as the reason where it failed.
    """
    expectation = " or ".join(expected)
    if word in expected:
        return Figure(name=name, value=word, expectation=expectation, verdict="passed")
    reason = f"{word}, expected {expectation}" + (f": {said}" if said else "")
    return Figure(name=name, value=word, expectation=expectation, verdict="failed", reason=reason)


def impossible(name: str, expectation: str, reason: str, value: float | str | None = None, unit: str = "") -> Figure:
    """A figure that cannot be judged here."""
    return Figure(name=name, value=value, unit=unit, expectation=expectation, verdict="not possible", reason=reason)


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """One failure fails the whole; without one, a single pass passes it; nothing possible is not possible."""
    if "failed" in verdicts:
        return "failed"
    return "passed" if "passed" in verdicts else "not possible"


def conclude_part(
    name: str, seconds: float, budget_s: float, figures: Sequence[Figure], files: Sequence[str], ended: str = ""
) -> Part:
    """The part with its verdict.

    Args:
        ended: why the part did not end by itself: then it failed, and keeps the figures that it had found.
    """
    verdict: Verdict = "failed" if ended else combine([figure.verdict for figure in figures])
    deciding = next((figure for figure in figures if figure.verdict == verdict and figure.reason), None)
    reason = ended or (f"{deciding.name}: {deciding.reason}" if deciding else "")
    if not figures and not ended:
        reason = "it found no figure"
    return Part(
        name=name,
        verdict=verdict,
        reason=reason,
        seconds=seconds,
        budget_s=budget_s,
        figures=tuple(figures),
        files=tuple(files),
    )


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"at least {low:.6g}"
    return f"at most {high:.6g}" if math.isinf(low) else f"{low:.6g} to {high:.6g}"
