"""Whether a series of step times has settled, during warm-up and over the measured window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from anatomy.bench.statistics.change_points import Array, change_points, levels, spans, without_least
from anatomy.bench.statistics.trend import has_trend

Label = Literal["settled", "drifting", "slowing", "never settled", "short"]

# Below this many steps no class is given, and warm-up goes on: two levels of six.
FEWEST = 12
# Below this many steps the absence of a visible trend ends no warm-up: at 5 % noise two falls by 20 % in three are
# not seen in 12 steps, one in five in 24.
FEWEST_FOR_TREND = 24
# Levels closer than this are one. It is the smallest change that pairs of processes can tell on a shared machine;
# two processes of the same case differ by more.
TOLERANCE = 0.05
# A level that covers this share decides the figure: the median of the series lies between its own 44th and 56th
# percentiles (0.5 / 0.9 = 0.56), a shift of 0.14 standard deviations.
DOMINANT = 0.9
# When warm-up ends, the halves of the series may differ by this: the half-width that a median is measured to.
WARM_TOLERANCE = 0.01


@dataclass(frozen=True)
class Steadiness:
    """The class of a series and where its level changed.

    Attributes:
        label: see `classify`.
        change_points: positions at which the level changed by more than the tolerance.
        last_over_first: level after the last change point over the level before the first; `None` when short.
    """

    label: Label
    change_points: list[int] = field(default_factory=list)
    last_over_first: float | None = None


def classify(step_s: Sequence[float]) -> Steadiness:
    """Class of a series by its levels: medians between `change_points`, those within 5 % of a neighbour joined.

    - `short`: fewer than twelve steps.
    - `settled`: one level, or parts within 5 % of the longest part's level cover nine tenths of the steps.
    - `drifting`: became faster, so warm-up had not ended. Every change is downwards, or the last level covers
      half of the series, is the fastest, and is more than 5 % below the first.
    - `slowing`: became slower; the same, upwards.
    - `never settled`: anything else.

    The classes are those of Barrett et al. 2017, "Virtual machine warmup blows hot and cold" (flat, warmup, slowdown,
    no steady state). They require only the end of a process to be steady. Here warm-up is over before the window
    begins, and the whole window must be steady.

    Raises:
        ValueError: a step time is not positive and finite.
    """
    if len(step_s) < FEWEST:
        return Steadiness("short")
    values = np.asarray(step_s, dtype=float)

    def excess(cuts: list[int]) -> Array:
        found = levels(values, cuts)
        return _differ(found[1:], found[:-1])

    cuts = without_least(change_points(step_s), excess)
    found = levels(values, cuts)
    return Steadiness(_label(found, _sizes(len(values), cuts)), cuts, float(found[-1] / found[0]))


def has_settled(step_s: Sequence[float]) -> bool:
    """Whether warm-up may end: the last two thirds of the series so far are level.

    True when the medians of their halves differ by at most 1 %; from 24 steps on also when the Mann–Kendall
    test, corrected for autocorrelation, finds no trend at 5 % (`anatomy.bench.statistics.trend`). False below
    twelve steps. Takes about 0.1 ms. It cannot see a trend that noise hides; `classify` finds that in the longer
    window.
    """
    if len(step_s) < FEWEST:
        return False
    recent = np.asarray(step_s[len(step_s) // 3 :], dtype=float)
    half = len(recent) // 2
    early, late = float(np.median(recent[:half])), float(np.median(recent[half:]))
    if abs(early - late) <= WARM_TOLERANCE * late:
        return True
    return len(step_s) >= FEWEST_FOR_TREND and not has_trend(recent)


def _label(found: Array, sizes: Array) -> Label:
    longest = found[int(np.argmax(sizes))]
    if sizes[_differ(found, longest) <= 0].sum() >= DOMINANT * sizes.sum():
        return "settled"
    changes = np.diff(found)
    steady_end = sizes[-1] >= sizes.sum() / 2 and _differ(found[0], found[-1]) > 0
    if (changes < 0).all() or (steady_end and found[-1] == found.min()):
        return "drifting"
    if (changes > 0).all() or (steady_end and found[-1] == found.max()):
        return "slowing"
    return "never settled"


def _differ(a: Array, b: Array) -> Array:
    """By how much the logarithms of two levels differ beyond the tolerance."""
    excess: Array = np.abs(np.log(a) - np.log(b)) - math.log1p(TOLERANCE)
    return excess


def _sizes(length: int, cuts: list[int]) -> Array:
    return np.array([b - a for a, b in spans(length, cuts)])
