"""From which batch size on throughput does not grow any more.

A batch size is enough where no other is more than `TOLERANCE` faster. Throughputs are known to an interval each, so
that two sizes are given: the smallest that may be enough, whose upper end reaches the lower end of the best within the
tolerance, and the smallest that is enough whatever the values within the intervals are.

Whether throughput still grows is asked over doublings: between neighbours that differ by less, growth would hide in the
tolerance. Where all sizes that may be enough lie within less than a doubling, it has stopped only if growth at the pace
that led there would have shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

TOLERANCE = 0.05
FEWEST_SIZES = 3


class Rate(NamedTuple):
    """The throughput at one batch size, in examples/s, with its 95 % interval; a point where there is none."""

    batch_size: int
    examples_per_s: float
    low: float
    high: float


class Saturation(NamedTuple):
    """Where throughput stops to grow.

    Attributes:
        best: the batch size with the highest throughput.
        largest: the largest batch size that there is a throughput for.
        may: the smallest batch size that may be enough.
        surely: the smallest that is; null where the intervals are too wide to say so of any.
        growing: whether throughput may well grow beyond the largest size: it alone may be enough, or with neighbours
            that are too near to tell.
    """

    best: Rate
    largest: int
    may: int
    surely: int | None
    growing: bool


def saturation(rates: Sequence[Rate], tolerance: float = TOLERANCE) -> Saturation | None:
    """Null below three batch sizes each at least twice the one before.

    Args:
        rates: one a batch size, in any order.
        tolerance: how much faster another size may be, relative.
    """
    ordered = sorted(rates)
    if _doublings(ordered) < FEWEST_SIZES:
        return None
    best = max(ordered, key=lambda rate: rate.examples_per_s)
    enough = [rate for rate in ordered if rate.high * (1 + tolerance) >= best.low]
    surely = next(
        (
            rate.batch_size
            for rate in ordered
            if rate.low * (1 + tolerance) >= max(other.high for other in ordered if other is not rate)
        ),
        None,
    )
    largest = ordered[-1]
    growing = largest in enough and not _stopped(ordered, enough[0], tolerance)
    return Saturation(best, largest.batch_size, enough[0].batch_size, surely, growing)


def _doublings(ordered: Sequence[Rate]) -> int:
    """How many sizes there are from the smallest on, counting those at least twice the one before."""
    count, last = 0, 0
    for rate in ordered:
        if rate.batch_size >= 2 * last:
            count, last = count + 1, rate.batch_size
    return count


def _stopped(ordered: Sequence[Rate], may: Rate, tolerance: float) -> bool:
    """Whether what lies above the smallest size that may be enough is wide enough to show that growth has ended."""
    width = ordered[-1].batch_size / may.batch_size
    before = [rate for rate in ordered if 2 * rate.batch_size <= may.batch_size]
    if width >= 2 or not before:
        return width > 1
    gain, ratio = may.examples_per_s / before[-1].examples_per_s, may.batch_size / before[-1].batch_size
    pace = math.log(gain) / math.log(ratio)
    return bool(width**pace > 1 + tolerance)


def in_words(found: Saturation) -> str:
    """E.g. `stops growing between 16 and 64`."""
    if found.growing:
        at_best = found.best.batch_size == found.largest
        return f"still grows at {found.largest}" if at_best else f"may still grow beyond {found.largest}"
    if found.surely is None:
        return f"stops growing at {found.may} or beyond"
    return (
        f"stops growing at {found.may}"
        if found.may == found.surely
        else (f"stops growing between {found.may} and {found.surely}")
    )
