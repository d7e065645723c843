"""Change points of a series of step times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anatomy.bench.statistics.interval import NORMAL_QUANTILE

Array = NDArray[np.float64]

# A longer series is reduced to at most this many medians of neighbouring steps.
BINS = 200
# Fewer points than this are a blip, not a level.
SHORTEST_LEVEL = 4
# Levels that differ by less are the same level: twice the half-width that a median is measured to.
LEAST_CHANGE = 0.02
# Points beyond the running median ± this many ranges from the 10th to the 90th percentile are outliers: 3.8
# standard deviations of a normal distribution.
_OUTLIER_RANGES = 1.5
_SHORTEST_WINDOW = 9
# Factor of ln n·(long-run variance) in the penalty of one change. 2 is the Schwarz criterion for a level and its
# place; 3 leaves room for heavy tails and for what a short series does not tell of its own dependence.
_PENALTY = 3.0
_LARGEST_PHI = 0.9
# Relative noise is not taken for less, or identical values would make the clock's resolution a change.
_LEAST_NOISE = 1e-4
# Standard error of a median over that of a mean, normal distribution: √(π/2).
_MEDIAN_ERROR = math.sqrt(math.pi / 2)


def change_points(values: Sequence[float]) -> list[int]:
    """Positions at which the level of a series of step times changes, in order; empty for one level.

    It works on logarithms, so the unit does not matter:

    1. A series of more than `BINS` steps is reduced to medians of neighbouring steps.
    2. Outliers are drawn in to the running median ± 1.5 ranges between the 10th and 90th percentile: the rule of
       Barrett et al. 2017, "Virtual machine warmup blows hot and cold", with half their width.
    3. PELT (Killick, Fearnhead and Eckley 2012, "Optimal detection of changepoints with a linear computational
       cost") finds changes of the mean. Each must lower the squared error by 3·ln n·σ²·(1 + φ)/(1 − φ) with the
       lag-1 autocorrelation φ: the long-run variance of an AR(1) process, since dependent noise wanders without a
       change of level.
    4. Neighbouring levels (medians) that differ by less than 2 %, or by less than their 95 % noise, are joined.

    Raises:
        ValueError: a value is not positive and finite.
    """
    x = np.asarray(values, dtype=float)
    if not (np.isfinite(x).all() and (x > 0).all()):
        raise ValueError("step times must be positive and finite, in seconds")
    points, width = _binned(np.log(x))
    if len(points) < 2 * SHORTEST_LEVEL:
        return []
    trimmed, deviation = _noise(points)
    penalty = _PENALTY * math.log(len(points)) * deviation**2
    return [cut * width for cut in _joined(points, _pelt(trimmed, penalty), deviation)]


def levels(values: Array, cuts: Sequence[int]) -> Array:
    """Median of each part of the series between the change points."""
    return np.array([np.median(values[a:b]) for a, b in spans(len(values), cuts)])


def spans(length: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """First position and position after the last of each part between the change points."""
    return list(pairwise([0, *cuts, length]))


def _binned(logs: Array) -> tuple[Array, int]:
    width = max(1, -(-len(logs) // BINS))
    whole = len(logs) // width * width
    return np.median(logs[:whole].reshape(-1, width), axis=1), width


def _noise(points: Array) -> tuple[Array, float]:
    """The series with its outliers drawn in, and its long-run standard deviation around its running median.

    A running median over w points absorbs about (1 + φ)/(1 − φ)/w of the variance and (1 + 3φ)/w of the
    autocorrelation (Kendall 1954, "Note on bias in the estimation of autocorrelation").
    """
    window = max(_SHORTEST_WINDOW, len(points) // 4) | 1
    centre = _running_median(points, window)
    rest = points - centre
    low, high = np.quantile(rest, [0.1, 0.9])
    limit = _OUTLIER_RANGES * (high - low)
    rest = np.clip(rest, -limit, limit)
    variance = max(float(rest.var()), _LEAST_NOISE**2)
    phi = float(rest[1:] @ rest[:-1]) / len(rest) / variance
    phi = min(_LARGEST_PHI, max(0.0, (window * phi + 1) / (window - 3)))
    dependence = (1 + phi) / (1 - phi)
    return centre + rest, math.sqrt(variance * dependence / max(0.5, 1 - dependence / window))


def _running_median(points: Array, window: int) -> Array:
    """Median of the `window` nearest points; at both ends of the first and last `window`."""
    window = min(window, len(points) - 1 + len(points) % 2)
    middle = np.median(np.lib.stride_tricks.sliding_window_view(points, window), axis=1)
    return np.pad(middle, (window // 2, len(points) - len(middle) - window // 2), mode="edge")


def _pelt(points: Array, penalty: float) -> list[int]:
    """Partition that minimises the squared error around means plus `penalty` for each change."""
    n = len(points)
    sums = np.concatenate([[0.0], np.cumsum(points - points.mean())])
    squares = np.concatenate([[0.0], np.cumsum((points - points.mean()) ** 2)])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(n + 1, dtype=int)
    starts, leaves_at = np.array([0]), np.array([n + 1])
    for end in range(SHORTEST_LEVEL, n + 1):
        if end >= 2 * SHORTEST_LEVEL:
            starts, leaves_at = np.append(starts, end - SHORTEST_LEVEL), np.append(leaves_at, n + 1)
        error = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        total = best[starts] + error
        chosen = int(np.argmin(total))
        best[end], previous[end] = total[chosen] + penalty, starts[chosen]
        # Killick et al., theorem 3.1: a start that is worse by a penalty is never best again, once a level that
        # begins here is long enough to be the alternative.
        leaves_at = np.where(total > best[end], np.minimum(leaves_at, end + SHORTEST_LEVEL), leaves_at)
        starts, leaves_at = starts[leaves_at > end + 1], leaves_at[leaves_at > end + 1]
    cuts, end = [], n
    while (end := int(previous[end])) > 0:
        cuts.append(end)
    return cuts[::-1]


def _joined(points: Array, cuts: list[int], deviation: float) -> list[int]:
    """The change points whose levels differ by more than `LEAST_CHANGE` and their noise."""

    def excess(cuts: list[int]) -> Array:
        sizes = np.array([b - a for a, b in spans(len(points), cuts)])
        error = _MEDIAN_ERROR * deviation * np.sqrt(1 / sizes[1:] + 1 / sizes[:-1])
        changes: Array = np.abs(np.diff(levels(points, cuts)))
        return changes - np.maximum(math.log1p(LEAST_CHANGE), NORMAL_QUANTILE * error)

    return without_least(cuts, excess)


def without_least(cuts: list[int], excess: Callable[[list[int]], Array]) -> list[int]:
    """Drop change points one by one, the least first, until all that are left have a positive `excess`."""
    cuts = list(cuts)
    while cuts:
        found = excess(cuts)
        least = int(np.argmin(found))
        if found[least] > 0:
            break
        del cuts[least]
    return cuts
