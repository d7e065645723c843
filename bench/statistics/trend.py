"""Whether a series rises or falls."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.statistics.autocorrelation import autocorrelation_time
from anatomy.bench.statistics.interval import NORMAL_QUANTILE

# The statistic compares all pairs: a longer series is reduced to about this many medians of neighbours.
BLOCKS = 64
# Where dependence leaves fewer values than this, it was overestimated as likely as not: a trend must not hide in it.
_FEWEST_INDEPENDENT = 6
_LATER = np.triu(np.ones((2 * BLOCKS, 2 * BLOCKS)), 1)


def has_trend(values: NDArray[np.float64]) -> bool:
    """Whether a monotonic trend is significant at 5 %, two-sided; needs eight values or more.

    Mann–Kendall: S = Σ sign(x_j − x_i) over all pairs i < j, Var S = n (n − 1)(2n + 5)/18 · τ, where τ is the
    autocorrelation time of the ranks of the series without its trend (Mann 1945, "Nonparametric tests against
    trend"; the correction is Hamed and Rao 1998, "A modified Mann-Kendall trend test for autocorrelated data").
    The trend taken out is the difference between the medians of the halves, as one step: a line would fit a
    warm-up no better. Ranks alone enter, so outliers do no more than any large value.
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
    half = len(x) // 2
    rest = np.concatenate([part - np.sort(part)[len(part) // 2] for part in (x[:half], x[half:])])
    ranks = np.empty(len(x))
    ranks[np.argsort(rest)] = np.arange(len(x))
    return min(autocorrelation_time(ranks), len(x) / _FEWEST_INDEPENDENT)
