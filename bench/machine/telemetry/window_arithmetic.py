"""Energy, means and shares over a window from readings at any times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from anatomy.bench.machine.telemetry.sample_series import UnmeasurableError

# A counter's gain is off by one tick at most, which is a tenth of a window of ten ticks.
FEWEST_TICKS = 10
FEWEST_READINGS = 3


def counter_gain(
    at_s: Sequence[float], counter: Sequence[float], start_s: float, end_s: float, fewest_ticks: int = FEWEST_TICKS
) -> float:
    """Gain of a counter over [start_s, end_s], in its unit; values at both ends are interpolated linearly.

    Args:
        at_s: times of the readings, increasing, seconds.
        counter: its value at each reading.
        fewest_ticks: how often it must have changed within the window.

    Raises:
        UnmeasurableError: the window does not lie between readings, the counter went down, or it changed too seldom.
    """
    _require_enclosed(at_s, start_s, end_s)
    if any(later < earlier for earlier, later in pairwise(counter)):
        raise UnmeasurableError("the counter went back: the driver was reloaded")
    inside = [value for time_s, value in zip(at_s, counter, strict=True) if start_s <= time_s <= end_s]
    ticks = len(set(inside)) - 1
    if ticks < fewest_ticks:
        raise UnmeasurableError(
            f"the counter moved {max(ticks, 0)} times in a window of {end_s - start_s:.2g} s and {fewest_ticks} are"
            " needed; measure longer (--seconds, --target)"
        )
    first, last = np.interp([start_s, end_s], at_s, counter)
    return float(last - first)


def integrate_power(at_s: Sequence[float], power_w: Sequence[float], start_s: float, end_s: float) -> float:
    """Energy over [start_s, end_s], joules: power integrated by the trapezoid rule, interpolated linearly at both ends.

    Raises:
        UnmeasurableError: the window does not lie between readings, or contains too few of them.
    """
    _require_enclosed(at_s, start_s, end_s)
    inside = [time_s for time_s in at_s if start_s < time_s < end_s]
    require_enough(len(inside), start_s, end_s)
    nodes = np.array([start_s, *inside, end_s])
    heights = np.interp(nodes, at_s, power_w)
    return float(np.trapezoid(heights, nodes))


def interval_mean(
    values: Sequence[float], since_s: Sequence[float], until_s: Sequence[float], start_s: float, end_s: float
) -> float:
    """Mean of figures that each cover an interval, weighted by its length; only intervals within the window count.

    Raises:
        UnmeasurableError: no interval lies within the window.
    """
    inside = [
        (value, until - since)
        for value, since, until in zip(values, since_s, until_s, strict=True)
        if start_s <= since < until <= end_s
    ]
    if not inside:
        raise UnmeasurableError(f"no interval of it lies within the window of {end_s - start_s:.2g} s")
    shares, lengths = zip(*inside, strict=True)
    return float(np.average(shares, weights=lengths))


def require_enough(readings: int, start_s: float, end_s: float) -> None:
    """Raise `UnmeasurableError` for a window with fewer than `FEWEST_READINGS`."""
    if readings < FEWEST_READINGS:
        raise UnmeasurableError(
            f"{readings} readings in a window of {end_s - start_s:.2g} s and {FEWEST_READINGS} are needed; measure"
            " longer (--seconds, --target)"
        )


def _require_enclosed(at_s: Sequence[float], start_s: float, end_s: float) -> None:
    if not at_s or at_s[0] > start_s:
        raise UnmeasurableError("the readings begin after the window")
    if at_s[-1] < end_s:
        raise UnmeasurableError("the readings end before the window")
