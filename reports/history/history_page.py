"""The trends as one self-contained HTML page, the largest latest change first."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.history.trends import Trend
from anatomy.reports.history.trend_line import trend_line
from anatomy.reports.history.trend_words import LABELS, trend_sentences
from anatomy.reports.page import render_page


def render_history(trends: Sequence[Trend], project: str) -> str:
    """Render the trends of a project as one self-contained HTML page."""
    return render_page(
        "history.html",
        "history.css",
        title=f"Anatomy history: {project}",
        project=project,
        figure=LABELS[trends[0].figure] if trends else "",
        changed=sum(bool(trend.changes) for trend in trends),
        trends=[
            {
                "name": trend.name,
                "machine": trend.points[-1].machine,
                "fingerprint": trend.points[-1].fingerprint,
                "runs": len(trend.points),
                "words": trend_sentences(trend),
                "line": trend_line(trend),
            }
            for trend in sorted(trends, key=_latest_change, reverse=True)
        ],
    )


def _latest_change(trend: Trend) -> tuple[bool, float]:
    return bool(trend.changes), abs(trend.changes[-1].growth) if trend.changes else 0.0
