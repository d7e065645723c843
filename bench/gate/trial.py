"""Sample pairs until a verdict: screen every case, then confirm what was flagged on fresh pairs alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from anatomy.bench.gate.looks import ALPHA, LOOKS, Estimate, estimate, next_look, p_value
from anatomy.bench.gate.margins import Margins

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
# Starts and measures one fresh pair of processes; returns its effect.
Draw = Callable[[], float]


@dataclass(frozen=True)
class Trial:
    """Effects in the order they were drawn, what they came to, and the p-value of "not above the tolerated change"."""

    effects: tuple[float, ...]
    estimate: Estimate
    verdict: Verdict
    p: float


@dataclass(frozen=True)
class Judged:
    """One case's verdict.

    Attributes:
        screening: the pairs that every case gets.
        confirmation: fresh pairs of a case that screening flagged; null for all others.
    """

    verdict: Verdict
    screening: Trial
    confirmation: Trial | None = None

    @property
    def pairs(self) -> int:
        """Pairs of processes used."""
        return self.screening.estimate.pairs + (self.confirmation.estimate.pairs if self.confirmation else 0)


def judge(draws: Mapping[str, Draw], margins: Mapping[str, Margins]) -> dict[str, Judged]:
    """Judge the cases of a suite together.

    Screening flags a case at `ALPHA` by itself. A flag is no verdict: flagged cases are measured again on fresh
    pairs, which know nothing of why they were chosen, and Holm's procedure over these keeps the probability of any
    false FAIL in the whole suite below `ALPHA`. A flag that is not confirmed is INCONCLUSIVE, never a PASS.
    """
    screened = {name: run_trial(draw, margins[name]) for name, draw in draws.items()}
    flagged = [name for name, trial in screened.items() if trial.verdict == "FAIL"]
    fresh = {name: run_trial(draws[name], margins[name], ALPHA / len(flagged)) for name in flagged}
    confirmed = holm({name: trial.p for name, trial in fresh.items()}, ALPHA)
    return {
        name: Judged(_verdict(trial, name in confirmed), trial, fresh.get(name)) for name, trial in screened.items()
    }


def run_trial(draw: Draw, margins: Margins, alpha: float = ALPHA) -> Trial:
    """Draw pairs from look to look until the bounds allow a verdict, or the looks end."""
    effects: list[float] = []
    while (look := next_look(len(effects))) is not None:
        effects += [draw() for _ in range(look - len(effects))]
        found = verdict_at(estimate(effects, alpha), margins)
        if found is not None:
            break
    return Trial(
        tuple(effects), estimate(effects, alpha), found or "INCONCLUSIVE", p_value(effects, margins.fail_above)
    )


def verdict_at(found: Estimate, margins: Margins) -> Verdict | None:
    """FAIL above the tolerated change, PASS below the minimum effect, null for more pairs.

    Where both hold, the change is known to be between the two, more than is tolerated: FAIL.
    """
    if found.low > margins.fail_above:
        return "FAIL"
    if found.high < margins.pass_below:
        return "PASS"
    return "INCONCLUSIVE" if found.pairs >= LOOKS[-1] else None


def holm(p_values: Mapping[str, float], alpha: float) -> frozenset[str]:
    """Names whose hypotheses are rejected with a family-wise error of at most `alpha` (Holm 1979, *Scand. J. Stat.* 6).

    Also known as the step-down Bonferroni procedure; valid however the p-values depend on one another.
    """
    rejected: list[str] = []
    for number, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        if p_values[name] > alpha / (len(p_values) - number):
            break
        rejected.append(name)
    return frozenset(rejected)


def _verdict(screening: Trial, confirmed: bool) -> Verdict:
    if screening.verdict != "FAIL":
        return screening.verdict
    return "FAIL" if confirmed else "INCONCLUSIVE"
