"""The batch size from which throughput stops growing.

The saturation batch size is the smallest whose throughput is within `TOLERANCE` of the best. Each throughput is known
to an interval, which gives two sizes: the smallest that may saturate, whose upper end is within the tolerance of the
best's lower end, and the smallest that surely does, whatever the values within the intervals.

Growth is judged over doublings: between nearer sizes it would hide in the tolerance. If all sizes that may saturate
lie within less than a doubling, growth has stopped only if growth at the pace that led there would have shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

TOLERANCE = 0.05
FEWEST_SIZES = 3


class Rate(NamedTuple):
    """The throughput at one batch size, in examples/s, with its 95 % interval, a point if there is none."""

    batch_size: int
    examples_per_s: float
    low: float
    high: float


class Saturation(NamedTuple):
    """Where throughput stops growing.

    Attributes:
        best: the highest throughput.
        largest: the largest batch size with a throughput.
        may: the smallest batch size that may saturate.
        surely: the smallest that surely does; `None` if the intervals are too wide to say so of any.
        growing: whether throughput may grow beyond the largest size: it alone may saturate, or it and neighbours that
            are too near to tell.
    """

    best: Rate
    largest: int
    may: int
    surely: int | None
    growing: bool


def saturation(rates: Sequence[Rate], tolerance: float = TOLERANCE) -> Saturation | None:
    """Find the saturation batch size; `None` below three sizes each at least twice the one before.

    Args:
        rates: one per batch size, in any order.
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
    """The number of sizes, counting from the smallest those at least twice the one counted before."""
    count, last = 0, 0
    for rate in ordered:
        if rate.batch_size >= 2 * last:
            count, last = count + 1, rate.batch_size
    return count


def _stopped(ordered: Sequence[Rate], may: Rate, tolerance: float) -> bool:
    """Whether the sizes above the smallest that may saturate span enough to show that growth has ended."""
    width = ordered[-1].batch_size / may.batch_size
    before = [rate for rate in ordered if 2 * rate.batch_size <= may.batch_size]
    if width >= 2 or not before:
        return width > 1
    gain, ratio = may.examples_per_s / before[-1].examples_per_s, may.batch_size / before[-1].batch_size
    pace = math.log(gain) / math.log(ratio)
    return bool(width**pace > 1 + tolerance)


def in_words(found: Saturation) -> str:
    """A saturation in words: `stops growing between 16 and 64`."""
    if found.growing:
        at_best = found.best.batch_size == found.largest
        return f"still grows at {found.largest}" if at_best else f"may still grow beyond {found.largest}"
    if found.surely is None:
        return f"stops growing at {found.may} or beyond"
    if found.may == found.surely:
        return f"stops growing at {found.may}"
    return f"stops growing between {found.may} and {found.surely}"
