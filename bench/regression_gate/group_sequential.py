"""A group-sequential test: intervals and p-values at planned looks at the growing number of pairs.

Looking after each pair and stopping at the first difference finds one in identical code in one comparison of eight.
Here the looks are fixed beforehand, and each gets an equal share of the error (Bonferroni; the idea of equal looks is
from Pocock 1977, *Biometrika* 64).
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
    """Mean effect ln(candidate / base) over `pairs` pairs of processes, with a bound on either side.

    Each bound holds at all looks together with probability 1 − alpha.
    """

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval, on the logarithmic scale."""
        return (self.high - self.low) / 2


def estimate(effects: Sequence[float], alpha: float = ALPHA) -> Estimate:
    """Mean ± t(1 − alpha/L, K − 1) · s/√K of K effects, with L planned looks.

    Student's t covers what it claims on four values; a percentile bootstrap meant to cover 90 % covers 65 to 76 %.

    Raises:
        ValueError: there are fewer than two effects.
    """
    if len(effects) < 2:
        raise ValueError(f"an interval needs two pairs of processes or more, got {len(effects)}")
    mean, error = fmean(effects), stdev(effects) / math.sqrt(len(effects))
    half = float(stats.t.isf(alpha / len(LOOKS), len(effects) - 1)) * error
    return Estimate(mean, mean - half, mean + half, len(effects))


def p_value(effects: Sequence[float], limit: float) -> float:
    """The p-value of "the mean effect is at most `limit`" over all looks so far.

    It is L times the smallest one-sided p-value of a look, and so at most alpha exactly where the lower bound of
    `estimate` was above `limit` at some look.
    """
    looks = [look for look in LOOKS if look <= len(effects)]
    return min([1.0, *(len(LOOKS) * _p_at(effects[:look], limit) for look in looks)])


def _p_at(effects: Sequence[float], limit: float) -> float:
    excess, error = fmean(effects) - limit, stdev(effects) / math.sqrt(len(effects))
    if error == 0:
        return 0.0 if excess > 0 else 1.0
    return float(stats.t.sf(excess / error, len(effects) - 1))
