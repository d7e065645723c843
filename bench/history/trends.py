"""Since when is this slow: change points in each series, and the commits that they lie between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, get_args

from anatomy.bench.history.history_points import Point
from anatomy.bench.statistics.change_points import change_points, spans

Figure = Literal["step_s", "compile_s", "peak_host_bytes", "peak_device_bytes", "throughput_examples_per_s"]
FIGURES: tuple[Figure, ...] = get_args(Figure)


@dataclass(frozen=True)
class Change:
    """A change of level.

    Attributes:
        position: of the first point of the new level.
        last, first: the points before and after: it came after `last`'s commit and no later than `first`'s.
        before, after: medians of both levels.
    """

    position: int
    last: Point
    first: Point
    before: float
    after: float

    @property
    def growth(self) -> float:
        """Relative."""
        return self.after / self.before - 1

    @property
    def commits(self) -> str:
        """`1a2b3c4..5d6e7f8`, as git log takes it; runs where there are no commits."""
        if self.last.commit and self.first.commit:
            return f"{self.last.commit[:10]}..{self.first.commit[:10]}"
        return f"between {self.last.where} and {self.first.where}"


@dataclass(frozen=True)
class Trend:
    """One case on one machine.

    Attributes:
        points: those that have the figure, oldest first.
        values: the figure of each.
        changes: oldest first; none where there are fewer than eight points.
    """

    figure: Figure
    points: list[Point]
    values: list[float]
    changes: list[Change]

    @property
    def name(self) -> str:
        """Of the case."""
        return self.points[-1].name

    @property
    def last_level(self) -> float:
        """Median since the last change."""
        return median(self.values[self.changes[-1].position if self.changes else 0 :])


def trend(points: Sequence[Point], figure: Figure) -> Trend | None:
    """The trend of one case on one machine; null where no point has the figure.

    Change points as of a series of steps (PELT; see `anatomy.bench.statistics.change_points`): a level has four
    points or more, and levels that differ by less than 2 % are one.
    """
    measured = [(point, value) for point in points if (value := getattr(point, figure)) and math.isfinite(value)]
    if not measured:
        return None
    held, values = [point for point, _ in measured], [float(value) for _, value in measured]
    cuts = change_points(values)
    parts = [median(values[a:b]) for a, b in spans(len(values), cuts)]
    changes = [
        Change(cut, held[cut - 1], held[cut], parts[number], parts[number + 1]) for number, cut in enumerate(cuts)
    ]
    return Trend(figure, held, values, changes)
