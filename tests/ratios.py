"""Ratios of paired measurements: whether they agree with 1."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal

from scipy import stats

Verdict = Literal["agrees", "differs", "unclear"]


def half_width(logs: Sequence[float]) -> float:
    """Of the 95 % interval of the mean, Student's t."""
    return float(stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs))


def judge_ratio(what: str, logs: Sequence[float], tolerance: float, precision: float) -> tuple[Verdict, str]:
    """Judge the mean of ln(ratio) of pairs, and say it.

    `differs`: the whole interval lies outside 1 ± `tolerance`. `agrees`: the ratio lies within, and its interval is
    no wider than `precision` to either side. Anything else is `unclear`.
    """
    mean, half = statistics.fmean(logs), half_width(logs)
    ratio, low, high = (math.exp(value) for value in (mean, mean - half, mean + half))
    said = f"{what} = {ratio:.3f} (95 % interval {low:.3f} to {high:.3f}, {len(logs)} pairs)"
    if low > 1 + tolerance or high < 1 - tolerance:
        return "differs", said
    return ("unclear" if half > precision or abs(ratio - 1) > tolerance else "agrees"), said
