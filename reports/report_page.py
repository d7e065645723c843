"""`report.html`: one self-contained file, with its style, scripts, data and Plotly inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import metadata, resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from anatomy.reports.figures import charts
from anatomy.reports.profiles import profile_section
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.summary import summary, warnings
from anatomy.reports.table_view import view
from anatomy.reports.tables import all_tables

_TEMPLATES = "anatomy.reports.templates"


def render_html(runs: Sequence[LabelledRun]) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("anatomy.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    drawn, profiles = charts(runs), profile_section(runs)
    return environment.get_template("report.html").render(
        title=title(runs),
        version=metadata.version("keras-anatomy"),
        summary=summary(runs),
        warnings=warnings(runs),
        tables={table.key: view(table) for table in all_tables(runs)},
        charts=drawn,
        profiles=profiles,
        specs={chart.key: chart.spec for chart in (*drawn, *(profiles.charts if profiles else ())) if chart.spec},
        failures=sum(record.outcome != "ok" for item in runs for record in item.run.records),
        style=_asset("report.css"),
        script=_asset("report.js"),
        plotly=Markup(get_plotlyjs()),
    )


def title(runs: Sequence[LabelledRun]) -> str:
    """`Anatomy: quick, 2026-01-31T12-00-00Z`."""
    if len(runs) == 1:
        return f"Anatomy: {runs[0].run.header.suite}, {runs[0].label}"
    return f"Anatomy: {len(runs)} runs"


def _breakable(text: str) -> Markup:
    """A model's name may be broken behind a colon or a comma."""
    parts = re.split(r"(?<=[:,])(?=\S)", text)
    return Markup("<wbr>").join(parts)


def _asset(name: str) -> Markup:
    """Own files, trusted: they are not escaped."""
    return Markup(resources.files(_TEMPLATES).joinpath(name).read_text())
