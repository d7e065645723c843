"""Relative speed of backends: the geometric mean over the cases that all of them ran.

A geometric mean does not depend on which backend the ratios are taken against (Fleming and Wallace
1986, "How not to lie with statistics: the correct way to summarize benchmark results").
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, geometric_mean, stdev
from typing import TypeVar

from anatomy.bench.records.case import Mode
from anatomy.bench.records.record import Record
from anatomy.bench.statistics.interval import Interval, student_t
from anatomy.reports.settings_differences import comparable_records

K = TypeVar("K", bound=Hashable)
# Of two, the interval is wider than any difference.
FEWEST_MODELS = 3


@dataclass(frozen=True)
class RelativeSpeed:
    """Speeds relative to the fastest backend, which has 1.

    Attributes:
        speeds: backend → geometric mean of its throughputs over that of the fastest; empty without a common case.
        common: number of cases that all backends ran.
        taking_part: backends that ran at least one case.
        intervals: backend → 95 % interval of that mean over the cases, as if they were drawn from more of their kind
            (Student's t of the logarithms); none of the fastest, nor below `FEWEST_MODELS` common cases.
    """

    speeds: dict[str, float]
    common: int
    taking_part: tuple[str, ...]
    intervals: dict[str, Interval] = field(default_factory=dict)

    @property
    def fastest(self) -> str | None:
        """The backend with the highest mean; `None` without a common case."""
        return max(self.speeds, key=self.speeds.__getitem__) if self.speeds else None

    def verdict(self, backend: str) -> str | None:
        """`fastest`, `slower`, or `too close` where the interval of the mean holds 1; `None` without an interval.

        The fastest is too close to whichever is too close to it.
        """
        close = {name for name, (low, high) in self.intervals.items() if low <= 1 <= high}
        if not self.intervals or backend not in self.speeds:
            return None
        if backend == self.fastest:
            return f"too close to {', '.join(sorted(close))}" if close else "fastest"
        return "too close" if backend in close else "slower"


def relative_speed(throughputs: Mapping[str, Mapping[K, float]]) -> RelativeSpeed:
    """Compare backends on their common cases.

    Args:
        throughputs: backend → case (apart from its backend) → examples/s. A backend without a case takes no part: it
            does not empty the common cases.
    """
    taking_part = {backend: cases for backend, cases in throughputs.items() if cases}
    common = set.intersection(*(set(cases) for cases in taking_part.values())) if taking_part else set()
    if not common:
        return RelativeSpeed({}, 0, tuple(taking_part))
    means = {backend: geometric_mean([cases[key] for key in common]) for backend, cases in taking_part.items()}
    fastest = max(means, key=means.__getitem__)
    speeds = {backend: mean / means[fastest] for backend, mean in means.items()}
    intervals = {
        backend: found
        for backend, cases in taking_part.items()
        if backend != fastest and (found := _interval([cases[key] / taking_part[fastest][key] for key in common]))
    }
    return RelativeSpeed(speeds, len(common), tuple(taking_part), intervals)


def _interval(ratios: Sequence[float]) -> Interval | None:
    """Of the geometric mean; `None` below `FEWEST_MODELS` ratios."""
    if len(ratios) < FEWEST_MODELS:
        return None
    logs = [math.log(ratio) for ratio in ratios]
    half = student_t(len(logs) - 1) * stdev(logs) / math.sqrt(len(logs))
    return math.exp(fmean(logs) - half), math.exp(fmean(logs) + half)


def ratio_text(ratio: float) -> str:
    """Format a ratio with two decimals, or with two significant digits below 0.1."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:#.2g}"


def throughputs(records: Iterable[Record], mode: Mode) -> dict[str, dict[Hashable, float]]:
    """Return backend → key of the case apart from its backend → examples/s, for the measured cases of a mode.

    Backends that built models of unlike sizes have no case in common: their keys differ.
    """
    return row_throughputs(measured_rows(records, mode))


def measured_rows(records: Iterable[Record], mode: Mode) -> dict[Hashable, list[Record]]:
    """Return the measured cases of a mode, in rows that differ in the backend alone, by a key of the row."""
    measured = [record for record in records if record.outcome == "ok" and record.case.mode == mode]
    return comparable_records(measured, backend="tensorflow")


def row_throughputs(rows: Mapping[Hashable, Sequence[Record]]) -> dict[str, dict[Hashable, float]]:
    """Return backend → key of the row → examples/s."""
    found: dict[str, dict[Hashable, float]] = {}
    for key, row in rows.items():
        for record in row:
            if record.throughput_examples_per_s is not None:
                found.setdefault(record.case.backend, {})[key] = record.throughput_examples_per_s
    return found
