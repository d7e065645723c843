"""Sample pairs until each case has a verdict: screen every case, then confirm flagged ones on fresh pairs alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
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
    """One metric over the pairs drawn so far, one or more.

    Attributes:
        effects: of the pairs, in the order they were drawn.
        margins: at the median level of the base.
        estimate: None for a single pair.
        verdict: INCONCLUSIVE between looks.
        p: p-value of "the change is at most the tolerated one".
    """

    effects: tuple[float, ...]
    margins: Margins
    estimate: Estimate | None
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
    """The growing observations of one case; a metric is closed when it is decided."""

    draw: Draw
    rules: Mapping[str, MarginsAt]
    alpha: float
    seen: dict[str, list[Observation]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    error: SetupError | None = None
    pairs: int = 0

    @property
    def open(self) -> bool:
        """Whether another pair is needed; the first one is, even where no metric is judged."""
        return self.error is None and (self.pairs == 0 or bool(self.seen.keys() - self.closed))

    def grow(self) -> None:
        """Draw one more pair."""
        try:
            found = self.draw()
        except SetupError as error:
            self.error = error
            return
        self.pairs += 1
        for name in found.keys() & self.rules.keys() - self.closed:
            self.seen.setdefault(name, []).append(found[name])

    def look(self) -> None:
        """Close the metrics that are decided at this look."""
        self.closed |= {name for name, trial in self.trials().items() if trial.verdict != "INCONCLUSIVE"}

    def trials(self) -> dict[str, Trial]:
        """What is known of each metric so far."""
        return {name: self._trial(name, seen) for name, seen in self.seen.items()}

    def _trial(self, name: str, seen: Sequence[Observation]) -> Trial:
        effects = tuple(observation.effect for observation in seen)
        margins = self.rules[name](median(observation.base for observation in seen))
        if len(effects) == 1:
            return Trial(effects, margins, None, "INCONCLUSIVE", 1.0)
        found = estimate(effects, self.alpha)
        verdict = _verdict_at(found, margins) if found.pairs in LOOKS else "INCONCLUSIVE"
        return Trial(effects, margins, found, verdict, p_value(effects, margins.fail_above))


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
    flagged = {
        (name, metric): trial
        for name, sampling in screened.items()
        for metric, trial in sampling.trials().items()
        if trial.verdict == "FAIL" and sampling.error is None
    }
    again = {name: {metric: rules[name][metric] for case, metric in flagged if case == name} for name, _ in flagged}
    level = confirm_at or ALPHA / max(1, len(flagged))
    fresh = _sample({name: draws[name] for name in again}, again, level, lambda: time_left(1.0))
    second = {(name, metric): trial for name, s in fresh.items() for metric, trial in s.trials().items()}
    p_values = {flag: trial.p for flag, trial in second.items()}
    confirmed = {flag for flag, p in p_values.items() if p <= confirm_at} if confirm_at else holm(p_values, ALPHA)

    def judged(name: str, metric: str, first: Trial) -> Judged:
        doubtful = first.verdict == "FAIL" and (name, metric) not in confirmed
        return Judged("INCONCLUSIVE" if doubtful else first.verdict, first, second.get((name, metric)))

    verdicts = {
        name: {metric: judged(name, metric, trial) for metric, trial in sampling.trials().items()}
        for name, sampling in screened.items()
    }
    errors = {name: s.error for group in (screened, fresh) for name, s in group.items() if s.error is not None}
    return verdicts, errors


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


def _verdict_at(found: Estimate, margins: Margins) -> Verdict:
    """FAIL above the tolerated change, PASS below the minimum effect.

    Where both hold, the change lies between the two, which is more than is tolerated: FAIL.
    """
    if found.low > margins.fail_above:
        return "FAIL"
    return "PASS" if found.high < margins.pass_below else "INCONCLUSIVE"


def holm(p_values: Mapping[Name, float], alpha: float) -> frozenset[Name]:
    """Names of the rejected hypotheses, at a family-wise error of at most `alpha` (Holm 1979, *Scand. J. Stat.* 6).

    This is the step-down Bonferroni procedure; it holds however the p-values depend on one another.
    """
    levels = (alpha / left for left in range(len(p_values), 0, -1))
    ordered = zip(sorted(p_values, key=p_values.__getitem__), levels, strict=True)
    return frozenset(name for name, _ in takewhile(lambda step: p_values[step[0]] <= step[1], ordered))
