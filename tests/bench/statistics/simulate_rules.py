"""The rules that end warm-up and measuring, as they are asked: again and again while the series grows.

`anatomy.bench.measurement.timing` itself runs, on steps whose times are drawn beforehand: `python -m
tests.bench.statistics.simulate_rules` prints two tables of docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anatomy.bench.measurement import timing
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.statistics.interval import median_interval
from tests.bench.statistics.simulate import NOISE, step_times

SETTINGS = MeasureSettings()
SERIES = 1000
FEWEST_EARLY = 20
MEASURED_STEPS_S = (0.01, 0.003)
WARMUP_STEPS_S = (0.03, 0.01, 0.003, 0.001)
# Name → factor on the time of a step by its number: what is left of the warm-up after so many steps.
WARMUPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "level": lambda n: np.ones(len(n)),
    "20 % faster after 60 steps": lambda n: np.where(n < 60, 1.25, 1.0),
    "falls by a third, exp(−n/10)": lambda n: 1 + 0.5 * np.exp(-n / 10),
    "falls by a third, exp(−n/30)": lambda n: 1 + 0.5 * np.exp(-n / 30),
    "falls by a third, exp(−n/100)": lambda n: 1 + 0.5 * np.exp(-n / 100),
    "falls by a third, exp(−n/300)": lambda n: 1 + 0.5 * np.exp(-n / 300),
}
LEFT = 1.05


class DrawnStep:
    """A step that takes the drawn times one after the other, and its clock."""

    def __init__(self, times: np.ndarray) -> None:
        self.now = 0.0
        self._times: Iterator[float] = iter(times.tolist())

    def clock(self) -> float:
        return self.now

    def launch(self) -> None:
        self.now += next(self._times)

    def drain(self, outputs: Any) -> None:
        """Done when launched."""


@dataclass(frozen=True)
class Measured:
    """Coverages of the true median: with the stopping rule, of those that it ended, and without it.

    Attributes:
        early: NaN where it ended fewer than `FEWEST_EARLY`.
    """

    all: float
    early: float
    share_early: float
    fixed: float


def measured(step_s: float, noise: float, phi: float, count: int) -> Measured:
    """`count` measurements of steps around `step_s` seconds with the default window and target."""
    plan = timing.plan_rounds(step_s, SETTINGS.seconds, None)
    # As many steps in blocks as single ones; dependence runs on through both.
    drawn = step_times(np.random.default_rng(plan.block), count, 2 * plan.rounds * plan.series, phi)
    series = drawn ** (noise / NOISE)
    ruled = [_series(times * step_s, plan, SETTINGS.target) for times in series]
    early = np.array([len(found) < plan.rounds * plan.series for found in ruled])
    held = np.array([_holds(found, step_s) for found in ruled])
    unruled = replace(plan, seconds=math.inf)
    fixed = float(np.mean([_holds(_series(times * step_s, unruled, 0.0), step_s) for times in series]))
    of_early = float(held[early].mean()) if early.sum() >= FEWEST_EARLY else math.nan
    return Measured(float(held.mean()), of_early, float(early.mean()), fixed)


def _series(times: np.ndarray, plan: timing.RoundPlan, target: float) -> list[float]:
    step: Any = DrawnStep(times)
    return timing.time_rounds(step, plan, target, step.clock).step_s


def _holds(found_s: list[float], step_s: float) -> bool:
    """Whether the interval holds the true median; a series without one states nothing, and does not."""
    interval = median_interval(found_s)
    return interval is not None and interval[0] <= step_s <= interval[1]


def ended_too_soon(warmup: str, step_s: float, phi: float, count: int) -> tuple[float, float]:
    """Shares of warm-ups that `has_settled` ended with over 5 % left, and that the budget ended."""
    factor = WARMUPS[warmup]
    length = int(2 * SETTINGS.warmup_budget_s / step_s)
    noise = step_times(np.random.default_rng(length), count, length, phi, heavy=False)
    left, unsettled = [], 0
    for times in noise * factor(np.arange(length)) * step_s:
        step: Any = DrawnStep(times)
        warm, _ = timing.warm_up(step, SETTINGS.warmup_s, SETTINGS.warmup_budget_s, step.clock)
        unsettled += not warm.settled
        left.append(warm.settled and factor(np.array([len(warm.step_s)]))[0] > LEFT)
    return float(np.mean(left)), unsettled / count


def main() -> None:
    """Print both tables."""
    planned = [timing.plan_rounds(step_s, SETTINGS.seconds, None) for step_s in MEASURED_STEPS_S]
    steps = [f"up to {plan.rounds * plan.series} steps" for plan in planned]
    print("| noise | φ | " + " | ".join(steps) + " |\n" + "|---" * (2 + len(steps)) + "|")
    for noise in (0.05, 0.02):
        for phi in (0.0, 0.5, 0.8, 0.9):
            found = [measured(step_s, noise, phi, SERIES) for step_s in MEASURED_STEPS_S]
            cells = [f"{one.all:.3f} / {one.early:.3f} ({one.share_early:.0%}) / {one.fixed:.3f}" for one in found]
            print(f"| {noise:.0%} | {phi:g} | " + " | ".join(cells).replace("nan", "–") + " |")
    print("\n| warm-up | φ | " + " | ".join(f"steps of {1e3 * step_s:g} ms" for step_s in WARMUP_STEPS_S) + " |")
    print("|---" * (2 + len(WARMUP_STEPS_S)) + "|")
    for warmup in WARMUPS:
        for phi in (0.0, 0.5):
            shares = [ended_too_soon(warmup, step_s, phi, SERIES // 2) for step_s in WARMUP_STEPS_S]
            print(f"| {warmup} | {phi:g} | " + " | ".join(f"{left:.0%} ({spent:.0%})" for left, spent in shares) + " |")


if __name__ == "__main__":
    main()
