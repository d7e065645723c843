"""How sure a figure is: its 95 % interval as other processes would have it, and what makes it weak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from anatomy.bench.records.caveats import UNSURE, WIDE, Caveat, caveats_of
from anatomy.bench.records.record import Record

# Between fresh processes figures of one machine differ by some per cent (docs/repeatability.md), of which the interval
# of a single process knows nothing: it counts as at least this wide.
BETWEEN_PROCESSES = 0.05


class Weakness(NamedTuple):
    """Why a figure should not be taken at face value: in a clause, and in a word or two."""

    meaning: str
    short: str


def throughput_spread(record: Record) -> float | None:
    """Half the width of the 95 % interval of the throughput as a share of it; `None` where there is no interval."""
    rate, interval = record.throughput_examples_per_s, record.throughput_interval_examples_per_s
    return (interval[1] - interval[0]) / 2 / rate if rate and interval else None


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
    spread = throughput_spread(record)
    found = [Weakness(caveat.meaning, caveat.short) for caveat in caveats_of(record)]
    if spread is None:
        found.append(Weakness("too few blocks of steps for an interval", "no ±"))
    elif spread > WIDE:
        found.append(Weakness(f"known to ± {100 * spread:,.0f} % only", "wide ±"))
    return tuple(found)


def throughput_caveats(record: Record) -> tuple[Caveat, ...]:
    """Return the caveats of a measured record's throughput: those of its times, and an interval that says little."""
    if record.throughput_examples_per_s is None:
        return ()
    spread = throughput_spread(record)
    return (*caveats_of(record), UNSURE) if spread is None or spread > WIDE else caveats_of(record)


def rate_text(record: Record, weak: Sequence[Weakness] | None = None, *, compact: bool = False) -> str:
    """`412 ± 3 %`: digits follow the interval, and `≈` stands before a weak figure.

    Args:
        weak: reasons that make it weak; by default those that the record has.
        compact: 480k and 1.9M for large numbers.
    """
    rate, spread = record.throughput_examples_per_s, throughput_spread(record)
    if rate is None:
        return "–"
    number = (_compact if compact else rounded)(rate, WIDE if spread is None else spread)
    about = "≈ " if (weaknesses(record) if weak is None else weak) else ""
    if spread is None:
        return f"{about}{number}"
    # Around the limit of what is weak a rounded figure would not show on which side it is.
    decimals = 1 if spread < 0.01 or abs(spread - WIDE) < 0.01 else 0
    return f"{about}{number} ± {max(100 * spread, 0.1):,.{decimals}f} %"


def rounded(value: float, spread: float) -> str:
    """A number with the digits that its interval leaves, two at least: 1,239 with ± 0.5 %, 190,000 with ± 54 %."""
    return significant(value, 2 if spread >= WIDE else 3 if spread >= 0.01 else 4)


def significant(value: float, digits: int) -> str:
    """A number with so many significant digits: 0.057, 1.2, 190,000."""
    shown = float(f"{value:.{digits - 1}e}")
    first = math.floor(math.log10(abs(shown))) if shown else 0
    return f"{shown:,.{max(0, digits - 1 - first)}f}"


def _compact(value: float, spread: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= 10 * size or (letter == "M" and value >= size):
            return f"{rounded(value / size, spread)}{letter}"
    return rounded(value, spread)
