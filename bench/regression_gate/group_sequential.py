"""Planned looks at the growing number of pairs: an interval, and a p-value, that allow for looking again.

Looking at the data after each pair and stopping at the first that pleases finds a difference in identical code in one
comparison of eight. Here it is looked at in places fixed beforehand, and each look gets an equal share of the error
(Bonferroni; Pocock 1977, *Biometrika* 64, has the idea of equal looks).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import stats

LOOKS = (4, 6, 8, 12, 16, 24, 32)
ALPHA = 0.05


@dataclass(frozen=True)
class Estimate:
    """Mean effect ln(candidate / base) over `pairs` pairs of processes, with bounds that each hold at 1 − alpha.

    Both bounds hold at every look at once: 1 − alpha is the probability that a bound never errs.
    """

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def half_width(self) -> float:
        """Of the interval, on the same logarithmic scale."""
        return (self.high - self.low) / 2


def estimate(effects: Sequence[float], alpha: float = ALPHA) -> Estimate:
    """Mean ± t(1 − alpha/L, K − 1) · s/√K of K effects, L the number of planned looks.

    Student's t, not a bootstrap: of four values a percentile bootstrap covers 65 to 76 % where 90 % are meant.

    Raises:
        ValueError: fewer than two effects.
    """
    if len(effects) < 2:
        raise ValueError(f"an interval needs two pairs of processes or more, got {len(effects)}")
    mean, error = fmean(effects), stdev(effects) / math.sqrt(len(effects))
    half = float(stats.t.isf(alpha / len(LOOKS), len(effects) - 1)) * error
    return Estimate(mean, mean - half, mean + half, len(effects))


def p_value(effects: Sequence[float], limit: float) -> float:
    """Of "the mean effect is at most `limit`", over all planned looks that were taken.

    L times the smallest of the looks' one-sided p-values: at most alpha where, at some look, the lower bound of
    `estimate` at that alpha was above `limit`.
    """
    looks = [look for look in LOOKS if look <= len(effects)]
    return min([1.0, *(len(LOOKS) * _p_at(effects[:look], limit) for look in looks)])


def next_look(pairs: int) -> int | None:
    """The number of pairs at which to look next; null after the last look."""
    return next((look for look in LOOKS if look > pairs), None)


def _p_at(effects: Sequence[float], limit: float) -> float:
    excess, error = fmean(effects) - limit, stdev(effects) / math.sqrt(len(effects))
    if error == 0:
        return 0.0 if excess > 0 else 1.0
    return float(stats.t.sf(excess / error, len(effects) - 1))
