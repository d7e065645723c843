"""95 % intervals: of the median of dependent steps, between blocks, and between processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.statistics.autocorrelation import autocorrelation_times
from anatomy.bench.statistics.exact_deviation import standard_deviation

Interval = tuple[float, float]

NORMAL_QUANTILE = 1.959963984540054
# Below six values no two order statistics enclose the median with 95 % (2 · 0.5⁶ = 3 %; 2 · 0.5⁵ = 6 %).
FEWEST_STEPS = 6
FEWEST_BLOCKS = 3
# Student's t, two-sided 95 %, by degrees of freedom 1…30. Not from scipy.special, whose import would take up to 0.3 s
# and 27 MB in the process that is measured; a test compares the two.
_T = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip


def median_interval(values: Sequence[float]) -> Interval | None:
    """Distribution-free interval of the median of a stationary, possibly autocorrelated series.

    Order statistics at the ranks r = ⌊(n + 1 − z √(n τ)) / 2⌋ and n + 1 − r, counted from 1 (Woodruff 1952,
    "Confidence intervals for medians and other position measures"; the 1 is the continuity correction, with
    which r is the exact binomial rank where τ = 1). τ is the autocorrelation time of the series
    1{x ≤ median}, which decides the variance of a quantile of dependent values (Heidelberger and Lewis 1984,
    "Quantile estimation in dependent sequences"). A τ above 1 is an estimate, and z then gives way to Student's t
    with n/τ − 1 degrees of freedom.

    `None` below six values, or below six independent ones.
    """
    return median_intervals([values])[0]


def median_intervals(series: Sequence[Sequence[float]]) -> list[Interval | None]:
    """The `median_interval` of each series; many at once take a fraction of the time that each takes alone."""
    ordered = [np.sort(np.asarray(values, dtype=float)) for values in series]
    below = [
        np.asarray(values, dtype=float) <= _median(one) if len(values) >= FEWEST_STEPS else np.zeros(0)
        for values, one in zip(series, ordered, strict=True)
    ]
    return [_enclosing(one, tau) for one, tau in zip(ordered, autocorrelation_times(below), strict=True)]


def _median(ordered: NDArray[np.float64]) -> float:
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _enclosing(ordered: NDArray[np.float64], tau: float) -> Interval | None:
    """The order statistics that enclose the median of values with an autocorrelation time."""
    n = len(ordered)
    if n < FEWEST_STEPS:
        return None
    if n / tau < FEWEST_STEPS:
        return None
    quantile = NORMAL_QUANTILE if tau == 1 else student_t(int(n / tau) - 1)
    rank = max(1, math.floor((n + 1 - quantile * math.sqrt(n * tau)) / 2))
    return float(ordered[rank - 1]), float(ordered[n - rank])


def relative_half_width(values: Sequence[float]) -> float:
    """Half the width of `median_interval` over the median; infinite without an interval."""
    interval = median_interval(values)
    return math.inf if interval is None else (interval[1] - interval[0]) / 2 / float(np.median(values))


def between_blocks(values: Sequence[float]) -> Interval | None:
    """Student's t on the logarithms of the rates of blocks of one process, around their median.

    Blocks of one process depend on one another: n of them count as n/τ, with their autocorrelation time τ. They
    also share the process's memory layout and warm-up; only `between_processes` can show that. `None` below three
    blocks.
    """
    return between_blocks_of_each([values])[0]


def between_blocks_of_each(rates: Sequence[Sequence[float]]) -> list[Interval | None]:
    """The interval `between_blocks` of each process; many at once take a fraction of the time of each alone."""
    logs = [np.log(values) if len(values) >= FEWEST_BLOCKS else np.zeros(0) for values in rates]
    return [
        _log_interval(values, len(values) / tau) if len(values) >= FEWEST_BLOCKS else None
        for values, tau in zip(rates, autocorrelation_times(logs), strict=True)
    ]


def between_processes(values: Sequence[float]) -> Interval | None:
    """Student's t on the logarithms of one figure per process, around their median: the process is the replicate.

    `None` below two processes. Source: Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time",
    section 6 (the top level alone decides the interval).
    """
    return _log_interval(values, len(values)) if len(values) >= 2 else None


def student_t(degrees: int) -> float:
    """Two-sided 95 % quantile of Student's t, to four decimals.

    Above 30 degrees of freedom the expansion around the normal quantile (Abramowitz and Stegun 1964, 26.7.5).
    """
    if degrees <= len(_T):
        return _T[degrees - 1]
    z = NORMAL_QUANTILE
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def _log_interval(values: Sequence[float], independent: float) -> Interval:
    """Student's interval around the median of the logarithms, with the median's standard error."""
    logs = [math.log(value) for value in values]
    error = _median_error(len(logs)) * standard_deviation(logs) / math.sqrt(independent)
    half = student_t(max(1, int(independent) - 1)) * error
    centre = median(logs)
    return math.exp(centre - half), math.exp(centre + half)


def _median_error(n: int) -> float:
    """Standard error of the median of n normal values over that of their mean.

    √(π n / (2 n + π − 2)), from 1.15 at n = 3 towards √(π/2) = 1.25: close for odd n, and 7 % too much at n = 4, as a
    test by simulation shows. The median of two is their mean.
    """
    return 1.0 if n == 2 else math.sqrt(math.pi * n / (2 * n + math.pi - 2))
