"""How sure a figure is: its 95 % interval, what makes it weak, and how it is written so that both show.

Every table, card and chart takes its ≈, digits and ± from here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from anatomy.bench.records.caveats import ALL_CAVEATS, UNSURE, WIDE, Caveat, caveats_of
from anatomy.bench.records.record import Record
from anatomy.bench.statistics.interval import Interval

# Between fresh processes figures of one machine differ by some per cent (docs/repeatability.md), of which the interval
# of a single process knows nothing: it counts as at least this wide.
BETWEEN_PROCESSES = 0.05
# ± is written while it shows where the interval lies: up to this width, and while neither of its ends would be farther
# than this from the interval's own, as shares of the figure. Else the ends are.
WIDEST, LOPSIDED = 0.50, 0.05


class Figure(NamedTuple):
    """A figure, its 95 % interval, and why it should not be taken at face value.

    Attributes:
        value: in base units; `None` where nothing was measured.
        interval: in the unit of the value; `None` where there is none.
        caveats: of a weak figure; empty of a sound one.
    """

    value: float | None
    interval: Interval | None = None
    caveats: tuple[Caveat, ...] = ()

    @property
    def weak(self) -> bool:
        """Whether ≈ stands before it."""
        return bool(self.caveats)

    @property
    def spread(self) -> float | None:
        """Half the width of the interval as a share of the figure; `None` without an interval."""
        if not self.value or self.interval is None:
            return None
        return (self.interval[1] - self.interval[0]) / 2 / abs(self.value)

    def times(self, factor: float) -> Figure:
        """The figure in another unit."""
        return Figure(
            None if self.value is None else self.value * factor,
            self.interval and (self.interval[0] * factor, self.interval[1] * factor),
            self.caveats,
        )

    def under(self, amount: float) -> Figure:
        """The amount over the figure: seconds a step from examples/s, with the batch size."""
        if not self.value:
            return Figure(None, None, self.caveats)
        ends = self.interval if self.interval and self.interval[0] > 0 else None
        return Figure(amount / self.value, ends and (amount / ends[1], amount / ends[0]), self.caveats)

    def over(self, other: Figure) -> Figure:
        """The ratio, between the bounds that it has if both intervals hold; weak where either figure is."""
        if self.value is None or not other.value:
            return Figure(None, None, _all_of(self, other))
        ends = other.under(1.0).interval
        interval = (self.interval[0] * ends[0], self.interval[1] * ends[1]) if self.interval and ends else None
        return Figure(self.value / other.value, interval, _all_of(self, other))

    def less(self, other: Figure) -> Figure:
        """The difference, between the bounds that it has if both intervals hold.

        Weak where either figure is, and where the two intervals leave it known to ± `WIDE` or worse.
        """
        if self.value is None or other.value is None:
            return Figure(None, None, _all_of(self, other))
        own, theirs = self.interval, other.interval
        interval = (own[0] - theirs[1], own[1] - theirs[0]) if own and theirs else None
        return known(self.value - other.value, interval, _all_of(self, other))

    def number(self, scale: float = 1.0, *, compact: bool = False, most: int = 4) -> str:
        """The figure alone, with the digits that its interval leaves, `most` at most; – where there is none."""
        if self.value is None:
            return "–"
        return (_compact if compact else significant)(self.value * scale, min(most, digits_left(self.spread)))

    @property
    def lopsided(self) -> bool:
        """Whether ± would misplace the interval, or is too wide to be read as one."""
        if not self.value or self.interval is None or self.spread is None:
            return False
        middle = (self.interval[0] + self.interval[1]) / 2
        return self.spread > WIDEST or abs(middle - self.value) > LOPSIDED * abs(self.value)

    def uncertainty(self, scale: float = 1.0, *, compact: bool = False, sign: str = " to ") -> str:
        """`± 3 %`, or the ends of an interval that ± would misplace: `0.8M to 4.6M`; empty without an interval."""
        if self.spread is None or self.interval is None:
            return ""
        if self.lopsided:
            return sign.join((_compact if compact else significant)(end * scale, 2) for end in self.interval)
        return f"± {percent(self.spread)} %"

    def text(self, scale: float = 1.0, *, compact: bool = False) -> str:
        """`412 ± 3 %`, `≈ 1.9M (0.8M to 4.6M)`: number and uncertainty, ≈ before a weak one."""
        known_to = self.uncertainty(scale, compact=compact)
        if self.lopsided:
            known_to = f"({known_to})"
        return self.about(f"{self.number(scale, compact=compact)} {known_to}".rstrip())

    def about(self, text: str) -> str:
        """The text, with ≈ before it where the figure is weak."""
        return f"≈ {text}" if self.weak and self.value is not None else text


def known(value: float | None, interval: Interval | None, caveats: Sequence[Caveat] = ()) -> Figure:
    """A figure that is also weak where it has no interval, or one wider than ± `WIDE`."""
    figure = Figure(value, interval, tuple(caveats))
    unsure = value is not None and (figure.spread is None or figure.spread > WIDE) and UNSURE not in caveats
    return figure._replace(caveats=(*caveats, UNSURE)) if unsure else figure


def throughput(record: Record) -> Figure:
    """The throughput of a measured record, examples/s."""
    rate = record.throughput_examples_per_s
    return known(rate, record.throughput_interval_examples_per_s, caveats_of(record)) if rate else Figure(None)


def median_step(record: Record) -> Figure:
    """The median of a record's synchronised steps, seconds."""
    seconds = record.step_median_s
    if not seconds:
        return Figure(None)
    # Too few steps for an interval are too few to class: the series says so, with a caveat of its own.
    make = known if record.step_interval_s else Figure
    return make(seconds, record.step_interval_s, caveats_of(record))


def _all_of(one: Figure, other: Figure) -> tuple[Caveat, ...]:
    """The caveats of two figures, in their fixed order."""
    both = {*one.caveats, *other.caveats}
    return tuple(caveat for caveat in ALL_CAVEATS if caveat in both)


class Weakness(NamedTuple):
    """Why a figure should not be taken at face value: in a clause, and in a word or two."""

    meaning: str
    short: str


def plausible_throughputs(record: Record) -> tuple[float, float]:
    """The examples/s between which the next processes' figures may lie; of a measured record.

    Of several processes the 95 % interval between them, of one at least ± `BETWEEN_PROCESSES`.
    """
    rate = record.throughput_examples_per_s
    if rate is None:
        raise ValueError(f"{record.name} has no throughput")
    low, high = record.throughput_interval_examples_per_s or (rate, rate)
    if len(record.process_throughputs) > 1:
        return low, high
    return min(low, rate * (1 - BETWEEN_PROCESSES)), max(high, rate * (1 + BETWEEN_PROCESSES))


def weaknesses(record: Record) -> tuple[Weakness, ...]:
    """Return why the record's throughput should not be taken at face value; empty where it may be."""
    figure = throughput(record)
    found = [Weakness(caveat.meaning, caveat.short) for caveat in caveats_of(record)]
    if figure.spread is None:
        found.append(Weakness("too few blocks of steps for an interval", "no ±"))
    elif figure.spread > WIDE:
        known_to = figure.uncertainty(compact=True)
        found.append(
            Weakness(f"anywhere from {known_to}" if figure.lopsided else f"known to {known_to} only", "wide ±")
        )
    return tuple(found)


def rate_text(
    record: Record, weak: Sequence[Weakness] | None = None, *, compact: bool = False, narrow: bool = False
) -> str:
    """`412 ± 3 %`, `≈ 1.9M (0.8M to 4.6M)`: the throughput as `Figure.text` writes it.

    Args:
        weak: reasons that make it weak; by default those that the record has.
        compact: 480k and 1.9M for large numbers.
        narrow: for a column of 15 letters: where ± would misplace the interval, its ends alone, `≈ 0.8M–4.6M`.
    """
    figure = throughput(record)
    if weak is not None:
        figure = figure._replace(caveats=(figure.caveats or (UNSURE,)) if weak else ())
    if narrow and figure.lopsided:
        return figure.about(figure.uncertainty(compact=True, sign="–"))
    return figure.text(compact=compact or narrow)


def percent(spread: float) -> str:
    """A share in per cent: `3`, `0.4`; around the limit of what is weak with the decimal that shows the side."""
    decimals = 1 if spread < 0.01 or abs(spread - WIDE) < 0.01 else 0
    return f"{max(100 * spread, 0.1):,.{decimals}f}"


def rounded(value: float, spread: float) -> str:
    """A number with the digits that its interval leaves, two at least: 1,239 with ± 0.5 %, 190,000 with ± 54 %."""
    return significant(value, digits_left(spread))


def digits_left(spread: float | None) -> int:
    """The significant digits that an interval leaves a figure; two without one."""
    return 2 if spread is None or spread >= WIDE else 3 if spread >= 0.01 else 4


def significant(value: float, digits: int) -> str:
    """A number with so many significant digits: 0.057, 1.2, 190,000."""
    shown = float(f"{value:.{digits - 1}e}")
    first = math.floor(math.log10(abs(shown))) if shown else 0
    return f"{shown:,.{max(0, digits - 1 - first)}f}"


def _compact(value: float, digits: int) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= 10 * size or (letter == "M" and value >= size):
            return f"{significant(value / size, digits)}{letter}"
    return significant(value, digits)
