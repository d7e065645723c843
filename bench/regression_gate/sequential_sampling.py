"""Sample pairs until each case has a verdict: screen every case, then confirm flagged ones on fresh pairs alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, TypeVar

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.regression_gate.group_sequential import ALPHA, LOOKS, Estimate, estimate, p_value
from anatomy.bench.regression_gate.margins import Margins

Name = TypeVar("Name", bound=Hashable)
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
# Share of the time for screening; the rest is for confirming what screening flags.
SCREENING_SHARE = 0.7


@dataclass(frozen=True)
class Observation:
    """One metric in one pair of processes: the effect ln(candidate / base), and the base's level."""

    effect: float
    base: float


# Starts and measures one fresh pair of processes; returns an observation of each metric it could see.
Draw = Callable[[], Mapping[str, Observation]]
# The margins of a metric whose base is at a level.
MarginsAt = Callable[[float], Margins]
# Whether a share (0…1) of the time there is has not been used up yet.
TimeLeft = Callable[[float], bool]


@dataclass(frozen=True)
class Trial:
    """One metric over the pairs drawn so far.

    Attributes:
        effects: of the pairs, in the order they were drawn.
        base: median level of the base; None without pairs.
        estimate: None below two pairs.
        margins: None without pairs.
        p: p-value of "the change is at most the tolerated one".
    """

    effects: tuple[float, ...]
    base: float | None
    estimate: Estimate | None
    margins: Margins | None
    verdict: Verdict
    p: float


@dataclass(frozen=True)
class Judged:
    """One metric's verdict.

    Attributes:
        screening: the pairs that every case gets.
        confirmation: fresh pairs of a metric that screening flagged; None for all others.
    """

    verdict: Verdict
    screening: Trial
    confirmation: Trial | None = None

    @property
    def pairs(self) -> int:
        """Number of pairs of processes used."""
        return len(self.screening.effects) + (len(self.confirmation.effects) if self.confirmation else 0)


@dataclass
class _Sampling:
    """The growing observations of one case; a metric is closed when it has a verdict."""

    draw: Draw
    rules: Mapping[str, MarginsAt]
    alpha: float
    seen: dict[str, list[Observation]] = field(default_factory=dict)
    closed: dict[str, Trial] = field(default_factory=dict)
    error: SetupError | None = None
    pairs: int = 0

    @property
    def open(self) -> bool:
        """Whether another pair is needed; the first one is, even where no metric is judged."""
        return self.error is None and (self.pairs == 0 or bool(self.seen.keys() - self.closed.keys()))

    def grow(self) -> None:
        """Draw one more pair."""
        try:
            found = self.draw()
        except SetupError as error:
            self.error = error
            return
        self.pairs += 1
        for name, observation in found.items():
            if name in self.rules and name not in self.closed:
                self.seen.setdefault(name, []).append(observation)

    def look(self) -> None:
        """Close the metrics whose verdict is known at this look."""
        for name in self.seen.keys() - self.closed.keys():
            trial = self.trial(name)
            found = verdict_at(trial.estimate, trial.margins) if trial.estimate and trial.margins else None
            if found is not None:
                self.closed[name] = trial

    def trial(self, name: str) -> Trial:
        """What is known of a metric so far."""
        if name in self.closed:
            return self.closed[name]
        effects = tuple(observation.effect for observation in self.seen[name])
        base = median(observation.base for observation in self.seen[name])
        margins = self.rules[name](base)
        found = estimate(effects, self.alpha) if len(effects) > 1 else None
        verdict = verdict_at(found, margins) if found and len(effects) in LOOKS else None
        p = p_value(effects, margins.fail_above) if len(effects) > 1 else 1.0
        return Trial(effects, base, found, margins, verdict or "INCONCLUSIVE", p)

    def trials(self) -> dict[str, Trial]:
        return {name: self.trial(name) for name in self.seen}


def judge(
    draws: Mapping[str, Draw],
    rules: Mapping[str, Mapping[str, MarginsAt]],
    time_left: TimeLeft = lambda share: True,
    confirm_at: float | None = None,
) -> tuple[dict[str, dict[str, Judged]], dict[str, SetupError]]:
    """Judge the cases of a suite together.

    Screening flags each metric of each case at `ALPHA`. A flag is no verdict: flagged cases are measured again on fresh
    pairs, which were not selected by their effect, and Holm's procedure over these keeps the probability of any false
    FAIL in the whole suite below `ALPHA`. A flag that is not confirmed is INCONCLUSIVE, never a PASS.

    Args:
        draws: case → its draw.
        rules: case → metric → its margins; other metrics of a draw are ignored.
        time_left: whether a share of the time is left; called before each pair.
        confirm_at: level at which each flag is confirmed, where the suite is judged in parts; None for Holm's.

    Returns:
        Case → metric → verdict, and case → error for the cases that could not be measured to the end.
    """
    screened = _sample(draws, rules, ALPHA, lambda: time_left(SCREENING_SHARE))
    first = {name: sampling.trials() for name, sampling in screened.items()}
    flagged = {
        name: [metric for metric, trial in trials.items() if trial.verdict == "FAIL"]
        for name, trials in first.items()
        if screened[name].error is None
    }
    number = sum(map(len, flagged.values()))
    level = confirm_at or ALPHA / max(1, number)
    fresh = _sample(
        {name: draws[name] for name, metrics in flagged.items() if metrics},
        {name: {metric: rules[name][metric] for metric in metrics} for name, metrics in flagged.items()},
        level,
        lambda: time_left(1.0),
    )
    second = {(name, metric): trial for name, s in fresh.items() for metric, trial in s.trials().items()}
    p_values = {pair: trial.p for pair, trial in second.items()}
    confirmed = {pair for pair, p in p_values.items() if p <= confirm_at} if confirm_at else holm(p_values, ALPHA)
    judged = {
        name: {
            metric: Judged(
                _verdict(trial, (name, metric) in confirmed),
                trial,
                second.get((name, metric)),
            )
            for metric, trial in trials.items()
        }
        for name, trials in first.items()
    }
    errors = {name: s.error for group in (screened, fresh) for name, s in group.items() if s.error is not None}
    return judged, errors


def _sample(
    draws: Mapping[str, Draw],
    rules: Mapping[str, Mapping[str, MarginsAt]],
    alpha: float,
    time_left: Callable[[], bool],
) -> dict[str, _Sampling]:
    """Sample look by look over all cases: where time runs out, all have about as many pairs."""
    samplings = {name: _Sampling(draw, rules[name], alpha) for name, draw in draws.items()}
    for look in LOOKS:
        for sampling in samplings.values():
            while sampling.open and sampling.pairs < look and time_left():
                sampling.grow()
            if sampling.pairs == look:
                sampling.look()
    return samplings


def verdict_at(found: Estimate, margins: Margins) -> Verdict | None:
    """FAIL above the tolerated change, PASS below the minimum effect, None where more pairs are needed.

    Where both hold, the change lies between the two, which is more than is tolerated: FAIL.
    """
    if found.low > margins.fail_above:
        return "FAIL"
    if found.high < margins.pass_below:
        return "PASS"
    return "INCONCLUSIVE" if found.pairs >= LOOKS[-1] else None


def holm(p_values: Mapping[Name, float], alpha: float) -> frozenset[Name]:
    """Names of the rejected hypotheses, at a family-wise error of at most `alpha` (Holm 1979, *Scand. J. Stat.* 6).

    This is the step-down Bonferroni procedure; it holds however the p-values depend on one another.
    """
    rejected: list[Name] = []
    for number, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        if p_values[name] > alpha / (len(p_values) - number):
            break
        rejected.append(name)
    return frozenset(rejected)


def _verdict(screening: Trial, confirmed: bool) -> Verdict:
    if screening.verdict != "FAIL":
        return screening.verdict
    return "FAIL" if confirmed else "INCONCLUSIVE"
