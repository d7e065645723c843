"""The effect that one pair of processes shows: how much longer the candidate's steps take, as a logarithm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

# Of each end: steps that met an interrupt or another process on either side.
TRIM = 0.25
FEWEST_STEPS, MOST_STEPS = 20, 120


def pair_effect(base_s: Sequence[float], candidate_s: Sequence[float]) -> float:
    """25 %-trimmed mean of ln(candidate / base) over the pairs of adjacent steps.

    Steps of one process are not independent of one another; the pair of processes is the unit of replication,
    and this is its one observation.

    Args:
        base_s, candidate_s: seconds of the steps in the order they were taken, the n-th of one beside the n-th
            of the other; all positive.

    Raises:
        ValueError: no steps, unequal numbers of them, or a time that is not positive.
    """
    if len(base_s) != len(candidate_s) or not base_s:
        raise ValueError(f"{len(base_s)} steps of the base and {len(candidate_s)} of the candidate make no pairs")
    if min(*base_s, *candidate_s) <= 0:
        raise ValueError("a step took no time; steps must be timed in seconds > 0")
    return float(stats.trim_mean(np.log(candidate_s) - np.log(base_s), TRIM))


def steps_a_pair(start_s: float, step_s: float, within_variance: float, between_variance: float) -> int:
    """Steps a side that make the most of the time: √(start / step · within / between), between 20 and 120.

    The variance of a pair's effect is `between + within / n`, its cost `start + n · step`; this n makes their
    product smallest (two-stage sampling, Cochran 1977, *Sampling Techniques*, section 10.6).

    Args:
        start_s: seconds to start, build, compile and warm up both sides.
        step_s: seconds of one step on both sides.
        within_variance: of ln(candidate / base) between the steps of a pair of processes.
        between_variance: of the effect between pairs of processes; 0 where none can be seen.
    """
    if between_variance <= 0:
        return MOST_STEPS
    wanted = math.sqrt(start_s / step_s * within_variance / between_variance)
    return max(FEWEST_STEPS, min(MOST_STEPS, math.ceil(wanted)))
