"""The effect of one pair of processes: ln(candidate / base) of the step time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

# Share cut off at each end: steps that met an interrupt or another process on either side.
TRIM = 0.25
FEWEST_STEPS, MOST_STEPS = 20, 120


def pair_effect(base_s: Sequence[float], candidate_s: Sequence[float]) -> float:
    """25 %-trimmed mean of ln(candidate / base) over the pairs of adjacent steps.

    The pair of processes is the unit of replication, and this is its one observation: steps of one process depend on
    one another.

    Args:
        base_s: seconds of the base's steps, in the order they were taken.
        candidate_s: those of the candidate, the n-th taken beside the n-th of the base.

    Raises:
        ValueError: there are no steps, unequal numbers of them, or a time that is not positive.
    """
    if len(base_s) != len(candidate_s) or not base_s:
        raise ValueError(f"{len(base_s)} steps of the base and {len(candidate_s)} of the candidate make no pairs")
    if min(*base_s, *candidate_s) <= 0:
        raise ValueError("a step took no time; steps must be timed in seconds > 0")
    return float(stats.trim_mean(np.log(candidate_s) - np.log(base_s), TRIM))


def steps_per_pair(start_s: float, step_s: float, within_variance: float, between_variance: float) -> int:
    """Steps per side that give the narrowest interval for the time: √(start / step · within / between), 20 to 120.

    A pair's effect has the variance `between + within / n` and costs `start + n · step`; this n minimises their
    product (two-stage sampling, Cochran 1977, *Sampling Techniques*, section 10.6).

    Args:
        start_s: seconds to start, build, compile and warm up both sides.
        step_s: seconds of one step on both sides.
        within_variance: variance of ln(candidate / base) between the steps of a pair of processes.
        between_variance: variance of the effect between pairs of processes; 0 where none is visible.
    """
    if between_variance <= 0:
        return MOST_STEPS
    wanted = math.sqrt(start_s / step_s * within_variance / between_variance)
    return max(FEWEST_STEPS, min(MOST_STEPS, math.ceil(wanted)))
