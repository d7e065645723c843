"""From which batch size on throughput does not grow any more.

A batch size is enough where no other is more than `TOLERANCE` faster. Throughputs are known to an interval each, so
that two sizes are given: the smallest that may be enough, whose upper end reaches the lower end of the best within the
tolerance, and the smallest that is enough whatever the values within the intervals are. Only sizes at least twice as
large as the one before are looked at: between neighbours that differ by less, growth would hide in the tolerance.
"""

from __future__ import annotations

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
        may: the smallest batch size that may be enough.
        surely: the smallest that is; null where the intervals are too wide to say so of any.
        growing: whether the largest size alone may be enough, so that throughput may well grow beyond it.
    """

    best: Rate
    may: int
    surely: int | None
    growing: bool


def saturation(rates: Sequence[Rate], tolerance: float = TOLERANCE) -> Saturation | None:
    """Null below three batch sizes.

    Args:
        rates: one a batch size, in any order.
        tolerance: how much faster another size may be, relative.
    """
    ordered = _doublings(rates)
    if len(ordered) < FEWEST_SIZES:
        return None
    best = max(ordered, key=lambda rate: rate.examples_per_s)
    may = next(r.batch_size for r in ordered if r.high * (1 + tolerance) >= best.low)
    surely = next(
        (
            rate.batch_size
            for rate in ordered
            if rate.low * (1 + tolerance) >= max(other.high for other in ordered if other is not rate)
        ),
        None,
    )
    return Saturation(best, may, surely, growing=may == ordered[-1].batch_size)


def _doublings(rates: Sequence[Rate]) -> list[Rate]:
    """From the smallest size on, each that is at least twice the one before."""
    chosen: list[Rate] = []
    for rate in sorted(rates):
        if not chosen or rate.batch_size >= 2 * chosen[-1].batch_size:
            chosen.append(rate)
    return chosen


def in_words(found: Saturation) -> str:
    """E.g. `stops growing between 16 and 64`."""
    if found.growing:
        return f"still grows at {found.may}"
    if found.surely is None:
        return f"stops growing at {found.may} or beyond"
    return (
        f"stops growing at {found.may}"
        if found.may == found.surely
        else (f"stops growing between {found.may} and {found.surely}")
    )
