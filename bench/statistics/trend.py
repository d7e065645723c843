"""Whether a series rises or falls."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.statistics.autocorrelation import autocorrelation_time
from anatomy.bench.statistics.interval import NORMAL_QUANTILE

# The statistic compares all pairs: a series twice as long or longer is reduced to this many medians of neighbours, or
# up to half as many more.
BLOCKS = 64
# Dependence that leaves fewer values than this is as likely a trend, which must not hide in it.
_FEWEST_INDEPENDENT = 6
_LATER = np.triu(np.ones((2 * BLOCKS, 2 * BLOCKS)), 1)


def has_trend(values: NDArray[np.float64]) -> bool:
    """Whether a monotonic trend is significant at 5 %, two-sided; needs eight values or more.

    Mann–Kendall: S = Σ sign(x_j − x_i) over all pairs i < j, Var S = n (n − 1)(2n + 5)/18 · τ, where τ is the
    autocorrelation time of the ranks of the series without its trend (Mann 1945, "Nonparametric tests against
    trend"; correction after Hamed and Rao 1998, "A modified Mann-Kendall trend test for autocorrelated data",
    with τ for their weighted sum). The trend taken out is one step, where it fits best. They take out a line, which
    would leave most of a change of level and count it as dependence. Ranks alone enter, so an outlier weighs no
    more than any large value.
    """
    x = values
    width = max(1, len(x) // BLOCKS)
    if width > 1:
        x = np.median(x[len(x) % width :].reshape(-1, width), axis=1)
    n = len(x)
    if n < 8:
        return False
    s = float((np.sign(x[None, :] - x[:, None]) * _LATER[:n, :n]).sum())
    variance = n * (n - 1) * (2 * n + 5) / 18 * _dependence(x)
    return (abs(s) - 1) / math.sqrt(variance) > NORMAL_QUANTILE


def _dependence(x: NDArray[np.float64]) -> float:
    """Autocorrelation time of the ranks after taking out the one step that fits the series best."""
    n = len(x)
    sums = np.cumsum(_ranks(x) - (n - 1) / 2)[1:-2]
    before = np.arange(2, n - 1)
    cut = 2 + int(np.argmax(sums**2 / (before * (n - before))))
    rest = np.concatenate([part - np.sort(part)[len(part) // 2] for part in (x[:cut], x[cut:])])
    return min(autocorrelation_time(_ranks(rest)), n / _FEWEST_INDEPENDENT)


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = np.empty(len(x))
    ranks[np.argsort(x)] = np.arange(len(x))
    return ranks
