"""`report.html`: one self-contained file, with its style, scripts, data and Plotly inside."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from anatomy.reports.answers.answer_panels import answer_panels
from anatomy.reports.page import render_page, trusted_asset
from anatomy.reports.profiles import profile_section
from anatomy.reports.report_charts import charts
from anatomy.reports.run_labels import LabelledRun, without_stages
from anatomy.reports.summary import comparison_warnings, report_title, summary_sentences
from anatomy.reports.table_view import table_view
from anatomy.reports.tables import all_tables


def render_html(runs: Sequence[LabelledRun]) -> str:
    """Render the report of one run, or of several, as an HTML page."""
    drawn = [chart for chart in charts(without_stages(runs)) if chart.spec is not None]
    profiles = profile_section(runs)
    tables = {table.key: table_view(table) for table in all_tables(runs)}
    # Empty sections are left out; of a run without a figure the table of models says that there is none.
    shown = {key for key, view in tables.items() if not view.table.frame.empty or key == "models"}
    shown |= {name for name, there in (("charts", drawn), ("profiles", profiles)) if there}
    return render_page(
        "report.html",
        title=report_title(runs),
        summary=summary_sentences(runs),
        warnings=comparison_warnings(runs),
        answers=answer_panels(runs),
        tables=tables,
        charts=drawn,
        profiles=profiles,
        specs={chart.key: chart.spec for chart in (*drawn, *(profiles.charts if profiles else ())) if chart.spec},
        shown=shown,
        stepped="models" in tables,
        script=trusted_asset("report.js"),
        plotly=Markup(get_plotlyjs()),
    )
