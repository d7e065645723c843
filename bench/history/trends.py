"""Since when is a case slow: change points in its figures over time, and the commits that they lie between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, get_args

from anatomy.bench.history.history_points import HistoryPoint
from anatomy.bench.statistics.change_points import change_points, spans

Figure = Literal["step_s", "compile_s", "peak_host_bytes", "peak_device_bytes", "throughput_examples_per_s"]
FIGURES: tuple[Figure, ...] = get_args(Figure)


@dataclass(frozen=True)
class LevelChange:
    """A change of level.

    Attributes:
        position: index of the first point of the new level.
        last, first: last point of the old level and first of the new: the change came after `last`'s commit and no
            later than `first`'s.
        before, after: medians of the two levels.
    """

    position: int
    last: HistoryPoint
    first: HistoryPoint
    before: float
    after: float

    @property
    def growth(self) -> float:
        """Relative change of the level."""
        return self.after / self.before - 1

    @property
    def commits(self) -> str:
        """The range of commits as `git log` takes it, `1a2b3c4..5d6e7f8`; without commits, the runs in words."""
        if self.last.commit and self.first.commit:
            return f"{self.last.commit[:10]}..{self.first.commit[:10]}"
        return f"between {self.last.where} and {self.first.where}"


@dataclass(frozen=True)
class Trend:
    """A figure of one case on one machine over time.

    Attributes:
        points: points that have the figure, oldest first.
        values: the figure at each point.
        changes: oldest first; none with fewer than eight points.
    """

    figure: Figure
    points: list[HistoryPoint]
    values: list[float]
    changes: list[LevelChange]

    @property
    def name(self) -> str:
        """Name of the case."""
        return self.points[-1].name

    @property
    def last_level(self) -> float:
        """Median of the figure since the last change."""
        return median(self.values[self.changes[-1].position if self.changes else 0 :])


def trend(points: Sequence[HistoryPoint], figure: Figure) -> Trend | None:
    """The trend of a figure over the points of one case on one machine; `None` if no point has the figure.

    Change points are found as in a series of steps (PELT; see `anatomy.bench.statistics.change_points`): a level has at
    least four points, and levels that differ by less than 2 % are merged.
    """
    # A shared history may hold figures of a damaged run from before such runs were refused.
    given = ((point, getattr(point, figure)) for point in points)
    measured = [(point, value) for point, value in given if isinstance(value, int | float) and 0 < value < math.inf]
    if not measured:
        return None
    held, values = [point for point, _ in measured], [float(value) for _, value in measured]
    cuts = change_points(values)
    parts = [median(values[a:b]) for a, b in spans(len(values), cuts)]
    changes = [
        LevelChange(cut, held[cut - 1], held[cut], parts[number], parts[number + 1]) for number, cut in enumerate(cuts)
    ]
    return Trend(figure, held, values, changes)
