"""The trends as one self-contained page, what changed most first."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata, resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from anatomy.bench.history.trends import Trend
from anatomy.reports.history.trend_line import line
from anatomy.reports.history.trend_words import LABELS, change_words

_TEMPLATES = "anatomy.reports.templates"


def render_history(trends: Sequence[Trend], project: str) -> str:
    """One file."""
    environment = Environment(
        loader=PackageLoader("anatomy.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "".join((resources.files(_TEMPLATES) / name).read_text() for name in ("report.css", "history.css"))
    ordered = sorted(trends, key=_latest, reverse=True)
    return environment.get_template("history.html").render(
        version=metadata.version("keras-anatomy"),
        project=project,
        figure=LABELS[trends[0].figure] if trends else "",
        changed=sum(bool(trend.changes) for trend in trends),
        trends=[
            {
                "name": trend.name,
                "machine": trend.points[-1].machine,
                "fingerprint": trend.points[-1].fingerprint,
                "runs": len(trend.points),
                "words": change_words(trend),
                "line": line(trend),
            }
            for trend in ordered
        ],
        style=Markup(style),
    )


def _latest(trend: Trend) -> tuple[bool, float]:
    return bool(trend.changes), abs(trend.changes[-1].growth) if trend.changes else 0.0
