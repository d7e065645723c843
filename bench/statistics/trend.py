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
# Where dependence seems to leave fewer values than this, it is a trend as likely as not, which must not hide in it.
_FEWEST_INDEPENDENT = 6
_LATER = np.triu(np.ones((2 * BLOCKS, 2 * BLOCKS)), 1)


def has_trend(values: NDArray[np.float64]) -> bool:
    """Whether a monotonic trend is significant at 5 %, two-sided; needs eight values or more.

    Mann–Kendall: S = Σ sign(x_j − x_i) over all pairs i < j, Var S = n (n − 1)(2n + 5)/18 · τ, where τ is the
    autocorrelation time of the ranks of the series without its trend (Mann 1945, "Nonparametric tests against
    trend"; correction after Hamed and Rao 1998, "A modified Mann-Kendall trend test for autocorrelated data",
    with τ for their weighted sum). The trend taken out is one step, where it fits best; they take a line, and
    then most of a change of level would be left and pass for dependence. Ranks alone enter, so an outlier
    counts as any large value.
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
    """Autocorrelation time of the ranks that are left when the one step that fits the series best is taken out."""
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
