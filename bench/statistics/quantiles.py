"""Quantiles of a list: those of `numpy.quantile`, to the last bit, without its 50 µs a call."""

from __future__ import annotations

import math
from collections.abc import Sequence


def quantile(values: Sequence[float], q: float) -> float:
    """Linear interpolation between order statistics (Hyndman and Fan 1996, type 7); NaN where a value is.

    Raises:
        IndexError: there is no value.
    """
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    share = place - below
    if math.isnan(sum(ordered)) and any(map(math.isnan, ordered)):
        return math.nan
    # As NumPy does: from the nearer one, so that the largest quantile is the largest value.
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share
