"""The trends as one self-contained HTML page, the largest latest change first."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.history.trends import Trend
from anatomy.reports.chart_svg import own_style
from anatomy.reports.gate.gate_rows import quantity
from anatomy.reports.history.trend_chart import sparkline, trend_chart
from anatomy.reports.history.trend_words import LABELS, UNITS, trend_sentences
from anatomy.reports.page import render_page, trusted_asset


def render_history(trends: Sequence[Trend], project: str) -> str:
    """Render the trends of a project as one page: a chart for each that changed, a table of all others."""
    changed = sorted((trend for trend in trends if trend.changes), key=_latest_change, reverse=True)
    with own_style():
        charts = [trend_chart(trend, f"trend-{number}") for number, trend in enumerate(changed)]
    return render_page(
        "history.html",
        "history.css",
        title=f"Anatomy history: {project}",
        project=project,
        figure=LABELS[trends[0].figure] if trends else "",
        number=len(trends),
        changed=[
            {
                "name": trend.name,
                "machine": _machine(trend),
                "words": trend_sentences(trend),
                "chart": chart,
            }
            for trend, chart in zip(changed, charts, strict=True)
        ],
        steady=[
            {
                "name": trend.name,
                "machine": _machine(trend),
                "runs": len(trend.points),
                "level": quantity(trend.last_level, UNITS[trend.figure]),
                "level_value": trend.last_level,
                "low": quantity(min(trend.values), UNITS[trend.figure]),
                "low_value": min(trend.values),
                "high": quantity(max(trend.values), UNITS[trend.figure]),
                "high_value": max(trend.values),
                "last": trend.points[-1].started_at[:10],
                "spark": sparkline(trend),
            }
            for trend in trends
            if not trend.changes
        ],
        script=trusted_asset("report.js"),
    )


def _machine(trend: Trend) -> str:
    point = trend.points[-1]
    return f"{point.machine} ({point.fingerprint})"


def _latest_change(trend: Trend) -> float:
    return abs(trend.changes[-1].growth)
