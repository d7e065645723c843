"""`report.html`: one self-contained file, with its style, script and charts inside; and the talk's tables alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from anatomy.reports.answers.answer_panels import answer_panels, more_answers
from anatomy.reports.chart import unlike_remark
from anatomy.reports.chart_svg import own_style
from anatomy.reports.page import render_page, trusted_asset
from anatomy.reports.profiles import profile_section
from anatomy.reports.profiles.colours import COLOURS
from anatomy.reports.report_charts import charted_runs, charts
from anatomy.reports.run_labels import LabelledRun, without_stages
from anatomy.reports.shortened_tables import short_table, shortened_sentence
from anatomy.reports.summary import comparison_warnings, report_title, summary_sentences
from anatomy.reports.table import Table
from anatomy.reports.table_view import TableView, table_view
from anatomy.reports.tables import iterate_tables, talk_tables
from anatomy.reports.tables.model_table import TIMED

# The tables in the order of the page, with their names in its contents: those above the charts, those below, those that
# are looked things up in, folded, and the talk's.
FIRST = {
    "changes": "Changes",
    "answers": "Fastest",
    "races": "Side by side",
    "stages": "Application",
    "accuracies": "Accuracy",
    "keras-costs": "What Keras costs",
}
SECOND = {
    "models": "Models",
    "batch_sizes": "Batch sizes",
    "precisions": "Precisions",
    "scaling": "Devices",
    "loops": "Loops",
    "inputs": "Input",
    "failures": "Failures",
}
REFERENCE = {
    "cases": "Every case",
    "trust": "Trust",
    "utilisation": "Limits",
    "agreement": "Agreement",
    "speeds": "Backends",
    "telemetry": "Telemetry",
    "phases": "Phases",
    "counts": "Counts",
    "machine": "Machine",
}
TALK = {"architectures": "Architectures", "frameworks": "Frameworks", "claims": "Claims"}
_ON_THE_PAGE = {*FIRST, *SECOND, *REFERENCE, *TALK}


@dataclass(frozen=True)
class Entry:
    """An entry of the page's contents: anchor, name, and the part of the contents that it is in."""

    key: str
    name: str
    part: str = ""


def render_html(runs: Sequence[LabelledRun], keep_whole: Callable[[Table], str] | None = None) -> str:
    """Render the report of one run, or of several, as an HTML page.

    Args:
        keep_whole: writes a table that is too long for the page to a file beside it, and returns the file's name.
    """
    charted = charted_runs(without_stages(runs))
    with own_style():
        drawn = [chart for chart in charts(charted.runs) if chart.figure is not None]
        profiles = profile_section(runs)
    answers = answer_panels(runs)
    tables = {table.key: _view(table, runs, keep_whole) for table in iterate_tables(runs) if table.key in _ON_THE_PAGE}
    # Empty sections are left out; of a run without a figure the table of models says that there is none.
    shown = {key for key, view in tables.items() if not view.table.frame.empty or key == "models"}
    others = [("answer", answers), ("charts", drawn), ("profiles", profiles)]
    return render_page(
        "report.html",
        title=report_title(runs),
        contents=tuple(_contents(shown | {key for key, there in others if there})),
        summary=summary_sentences(runs),
        warnings=comparison_warnings(runs),
        answers=answers,
        answers_lead=more_answers(runs),
        tables=tables,
        charts=drawn,
        charts_lead=" ".join(filter(None, (charted.shortened, unlike_remark(charted.runs, TIMED)))),
        profiles=profiles,
        colours=COLOURS,
        shown=shown,
        first=FIRST,
        second=SECOND,
        reference=REFERENCE,
        talk=[tables[key] for key in TALK if key in shown],
        script=trusted_asset("report.js"),
    )


def _view(table: Table, runs: Sequence[LabelledRun], keep_whole: Callable[[Table], str] | None) -> TableView:
    short = short_table(table, runs)
    if not short.short:
        return table_view(table)
    file = "" if keep_whole is None else keep_whole(table)
    return table_view(short.table, short.rows, shortened_sentence(short, file))


def render_talk(runs: Sequence[LabelledRun]) -> str:
    """Render the talk's tables alone as an HTML page."""
    return render_page(
        "talk.html",
        title=report_title(runs),
        tables=[table_view(table) for table in talk_tables(runs)],
        script=trusted_asset("report.js"),
    )


def _contents(shown: set[str]) -> Iterator[Entry]:
    above = {"answer": "Answer", "summary": "Summary", **FIRST, "charts": "Charts", **SECOND}
    parts = {
        "": above | {"profiles": "Where the time goes"},
        "Reference": REFERENCE | {"method": "Method"},
        "The talk": TALK,
    }
    always = {"summary", "method"}
    for part, names in parts.items():
        yield from (Entry(key, name, part) for key, name in names.items() if key in shown | always)
