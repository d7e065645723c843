"""The trends of a project's cases in a history."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history.history_store import History, series_of_points
from anatomy.bench.history.trends import FIGURES, Trend, trend


def require_project(history: History, project: str) -> None:
    """Make sure that a history has a project.

    Raises:
        UsageError: it has not; the message names those that it has.
    """
    known = history.projects()
    if project not in known:
        has = f"it has {', '.join(known)}" if known else "it is empty: runs go there when they end"
        raise UsageError(f"the history {history.name} has no project {project!r}; {has}")


def find_trends(
    history: History, project: str, figure: str, words: Sequence[str] = (), branch: str | None = None
) -> list[Trend]:
    """The trend of each case on each machine.

    Args:
        figure: one of `anatomy.bench.history.trends.FIGURES`.
        words: words of a case's name, or its key; empty for all cases.
        branch: the branch whose runs count; `None` for all.

    Raises:
        UsageError: the figure or the project is unknown, or no case has the figure.
    """
    known = next((name for name in FIGURES if name == figure), None)
    if known is None:
        raise UsageError(f"unknown figure {figure!r}; expected one of {', '.join(FIGURES)}")
    require_project(history, project)
    series = series_of_points(history.points(project, branch, words)).values()
    trends = [found for points in series if (found := trend(points, known)) is not None]
    if not trends:
        raise UsageError(f"no case {' '.join(words) or 'at all'} with {figure} in the history of this project")
    return trends
