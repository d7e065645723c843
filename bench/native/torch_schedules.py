"""Learning rate schedules for `LambdaLR` in PyTorch: copied into the program that uses them.

They compute on the host, where torch's optimizers take their learning rate from.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence


def exponential_decay(updates: float, initial: float, steps: float, rate: float, staircase: bool) -> float:
    """The rate falls by a factor in a number of updates, gradually or in steps of a staircase."""
    passed = updates / steps
    return initial * rate ** (math.floor(passed) if staircase else passed)


def inverse_time_decay(updates: float, initial: float, steps: float, rate: float, staircase: bool) -> float:
    """The rate divided by what grows with the number of updates."""
    passed = updates / steps
    return initial / (1 + rate * (math.floor(passed) if staircase else passed))


def polynomial_decay(updates: float, initial: float, steps: float, end: float, power: float, cycle: bool) -> float:
    """From the initial rate to the last one by a power of what is left; in cycles, each longer than that before."""
    whole = steps * max(1.0, math.ceil(updates / steps)) if cycle else steps
    left = 1 - min(updates, whole) / whole
    return float((initial - end) * left**power + end)


def piecewise_constant(updates: float, boundaries: Sequence[float], values: Sequence[float]) -> float:
    """One value up to each boundary, and one beyond the last."""
    return values[bisect.bisect_left(boundaries, updates)]


def cosine_decay(updates: float, initial: float, steps: float, alpha: float) -> float:
    """From the initial rate to a share of it by half a cosine (Loshchilov and Hutter, 2017)."""
    wave = 0.5 * (1 + math.cos(math.pi * min(updates, steps) / steps))
    return initial * ((1 - alpha) * wave + alpha)


def warm_cosine_decay(
    updates: float, initial: float, steps: float, alpha: float, target: float, warm_up: float
) -> float:
    """A line from the initial rate to the target, and then the decay by a cosine."""
    if updates < warm_up:
        return initial + (target - initial) * updates / warm_up
    return cosine_decay(updates - warm_up, target, steps, alpha)
