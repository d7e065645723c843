"""Finds a project and the trends of its cases in a history."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history.history_store import History, series_of_points
from anatomy.bench.history.trends import FIGURES, Trend, trend
from anatomy.models.suggestion import unknown_name


def find_project(history: History, project: str) -> str:
    """Return the project's name.

    Raises:
        UsageError: the history has no such project; the message names those that it has.
    """
    known = history.projects()
    if project not in known:
        has = f"it has {', '.join(known)}" if known else "it is empty: runs go there when they end"
        raise UsageError(f"the history {history.name} has no project {project!r}; {has}")
    return project


def find_trends(
    history: History, project: str, figure: str, words: Sequence[str] = (), branch: str | None = None
) -> list[Trend]:
    """Return the trend of each case on each machine.

    Args:
        history: an open history.
        project: name of a project in it.
        figure: one of `anatomy.bench.history.trends.FIGURES`.
        words: words of the name of a case, or its key; all cases without words.
        branch: the branch whose runs count; all branches by default.

    Raises:
        UsageError: the figure or the project is unknown, or no case has the figure.
    """
    known = next((name for name in FIGURES if name == figure), None)
    if known is None:
        raise UsageError(unknown_name("figure", figure, FIGURES))
    wanted = set(" ".join(words).split())
    points = history.points(find_project(history, project), branch)
    chosen = [point for point in points if wanted <= {*point.name.split(), point.case_key}]
    trends = [found for series in series_of_points(chosen).values() if (found := trend(series, known)) is not None]
    if not trends:
        raise UsageError(f"no case {' '.join(words) or 'at all'} with {figure} in the history of this project")
    return trends
