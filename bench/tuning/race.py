"""A race between settings: rounds of fresh processes, after each of which the surely worse ones are dropped.

Each round measures every setting that is left once, so that what changes on the machine from round to round changes for
all. The noise between processes is estimated from all of them together, as in an analysis of variance of settings and
rounds; a setting is dropped when it is worse than the leader with an error of 5 % over all comparisons of the race
(Bonferroni). Source: Maron and Moore 1997, "The racing algorithm"; Birattari et al. 2002, "A racing algorithm for
configuring metaheuristics".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

FEWEST_ROUNDS, MOST_ROUNDS = 3, 8
# Chance of dropping the best setting of a race, over all comparisons of all rounds.
ERROR = 0.05
# A process's figure is known to no less than this share: equal figures of a coarse clock are not certainty.
LEAST_NOISE = 0.002
# ln of the ratio by which a setting must be behind to be dropped after two rounds.
PLAIN = math.log(1.5)

Stop = Literal["one is left", "the rest are equally good", "as many rounds as are allowed"]


class Race:
    """Figures of settings by round; more is better.

    Args:
        names: of the settings.
        kept: a setting that is measured in every round whatever its figures, as what the winner is compared with.
        tolerance: relative difference below which two settings are equally good.
    """

    def __init__(self, names: Sequence[str], kept: str, tolerance: float) -> None:
        self._logs: dict[str, list[float]] = {name: [] for name in names}
        self._kept, self._tolerance = kept, tolerance
        self._comparisons = max(1, len(names) - 1) * MOST_ROUNDS
        self._running = list(names)
        self.rounds = 0

    @property
    def running(self) -> list[str]:
        """The settings that may still win."""
        return list(self._running)

    @property
    def to_measure(self) -> list[str]:
        """The settings of the next round."""
        return self.running + [self._kept] * (self._kept not in self._running and self._kept in self._logs)

    @property
    def leader(self) -> str:
        """The best so far."""
        return max(self._running, key=lambda name: float(np.mean(self._logs[name])))

    def add_round(self, figures: Mapping[str, float | None]) -> dict[str, float]:
        """Take the figures of a round; return the settings that are dropped, with how many times as good the leader is.

        A setting without a figure is dropped, with the ratio infinity.
        """
        dropped = {}
        for name in self.running:
            figure = figures.get(name)
            if figure is None:
                dropped[name] = math.inf
                self._running.remove(name)
            else:
                self._logs[name].append(math.log(figure))
        if self._kept in self._logs and self._kept not in self._running:
            if (kept := figures.get(self._kept)) is not None and len(self._logs[self._kept]) == self.rounds:
                self._logs[self._kept].append(math.log(kept))
            else:
                # Rounds are compared one by one: after a gap there are no more.
                self._kept = ""
        self.rounds += 1
        if self.rounds >= 2 and len(self._running) > 1:
            leader, half = self.leader, self._half_width()
            # A machine may be disturbed for as long as two rounds take: those show what is plain alone.
            least = PLAIN if self.rounds < FEWEST_ROUNDS else 0.0
            for name in self.running:
                behind = self._behind(leader, name)
                if name != leader and behind > max(half, least):
                    dropped[name] = math.exp(behind)
                    self._running.remove(name)
        return dropped

    def stops(self) -> Stop | None:
        """Why the race is over; `None` while it is not."""
        if self.rounds < FEWEST_ROUNDS:
            return None
        if len(self._running) <= 1:
            return "one is left"
        half = self._half_width()
        leader = self.leader
        if all(self._behind(leader, name) + half <= self._tolerance for name in self._running if name != leader):
            return "the rest are equally good"
        return "as many rounds as are allowed" if self.rounds >= MOST_ROUNDS else None

    def figures(self, name: str) -> list[float]:
        """The figures of a setting, by round."""
        return [math.exp(value) for value in self._logs[name]]

    def equally_good(self) -> list[str]:
        """The settings that are left and behind the leader by less than the tolerance, the leader among them."""
        return [name for name in self._running if self._behind(self.leader, name) <= self._tolerance]

    def _behind(self, leader: str, name: str) -> float:
        """ln(leader / setting), the mean over the rounds of both."""
        ours, theirs = self._logs[leader], self._logs[name]
        return float(np.mean(np.subtract(ours[: len(theirs)], theirs[: len(ours)])))

    def _half_width(self) -> float:
        """Half-width of the one-sided interval of a difference of two settings that are left."""
        from scipy.stats import t

        table = np.array([self._logs[name][-self.rounds :] for name in self._running])
        settings, rounds = table.shape
        residuals = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
        freedom = (settings - 1) * (rounds - 1)
        noise = max(LEAST_NOISE, math.sqrt(float((residuals**2).sum()) / freedom))
        return float(t.ppf(1 - ERROR / self._comparisons, freedom)) * noise * math.sqrt(2 / rounds)
