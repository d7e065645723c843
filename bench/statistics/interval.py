"""95 % intervals: of the median of dependent steps, between blocks, and between processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median, stdev

import numpy as np

from anatomy.bench.statistics.autocorrelation import autocorrelation_time

Interval = tuple[float, float]

LEVEL = 0.95
_NORMAL_QUANTILE = 1.959963984540054
# Below six values no two order statistics enclose the median with 95 % (2 · 0.5⁶ = 3 %; 2 · 0.5⁵ = 6 %).
FEWEST_STEPS = 6
FEWEST_BLOCKS = 3
# Student's t, two-sided 95 %, by degrees of freedom 1…30 (scipy.stats.t.ppf(0.975, df)); a test compares them.
_T = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip


def median_interval(values: Sequence[float]) -> Interval | None:
    """Distribution-free interval of the median of a stationary, possibly autocorrelated series.

    Order statistics at ranks n/2 ± z·√(n·τ)/2 (Woodruff 1952), where τ is the autocorrelation time of the
    series 1{x ≤ median}, which decides the variance of a quantile of dependent values (Heidelberger and
    Lewis 1984, "Quantile estimation in dependent sequences", equation 2). Null below six values, or where
    the dependence leaves fewer than six independent ones.
    """
    n = len(values)
    if n < FEWEST_STEPS:
        return None
    ordered = np.sort(np.asarray(values, dtype=float))
    tau = autocorrelation_time(np.asarray(values) <= np.median(ordered))
    if n / tau < FEWEST_STEPS:
        return None
    half = _NORMAL_QUANTILE * math.sqrt(n * tau) / 2
    low, high = math.floor(n / 2 - half), math.ceil(n / 2 + half)
    return float(ordered[max(low - 1, 0)]), float(ordered[min(high, n - 1)])


def relative_half_width(values: Sequence[float]) -> float:
    """Half the width of `median_interval` over the median; infinite where there is no interval."""
    interval = median_interval(values)
    return math.inf if interval is None else (interval[1] - interval[0]) / 2 / float(np.median(values))


def between_blocks(values: Sequence[float]) -> Interval | None:
    """Student's t around the mean of the logarithms of rates of blocks, centred on their median.

    Null below three blocks.
    """
    return _log_interval(values) if len(values) >= FEWEST_BLOCKS else None


def between_processes(values: Sequence[float]) -> Interval | None:
    """Student's t on the logarithms of one figure a process: the process is the unit of replication.

    Null below two processes. Source: Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time",
    section 6 (the top level alone decides the interval).
    """
    return _log_interval(values) if len(values) >= 2 else None


def student_t(degrees: int) -> float:
    """Two-sided 95 % quantile of Student's t."""
    return _T[degrees - 1] if degrees <= len(_T) else _NORMAL_QUANTILE + 2.37 / degrees


def _log_interval(values: Sequence[float]) -> Interval:
    logs = [math.log(value) for value in values]
    half = student_t(len(logs) - 1) * stdev(logs) / math.sqrt(len(logs))
    centre = median(logs) if len(logs) > 2 else fmean(logs)
    return math.exp(centre - half), math.exp(centre + half)
