"""`report.md`: the summary and every table as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.errors.printable import printable
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.summary import comparison_warnings, report_title, summary_sentences
from anatomy.reports.table import Column, Table
from anatomy.reports.tables import all_tables

# GitHub looks for mentions after it has resolved escapes: a space of no width keeps `@team` from being one.
_NO_MENTION = "\u200b"
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~"} | {"\n": " ", "\t": " ", "@": f"@{_NO_MENTION}"})


def render_markdown(runs: Sequence[LabelledRun]) -> str:
    """Render the summary and every table of the report as Markdown."""
    parts = [f"# {escape(report_title(runs))}"]
    if warnings := comparison_warnings(runs):
        parts.append("\n".join(f"> {escape(line)}  " for line in warnings))
    parts.append("\n".join(f"- {escape(line)}" for line in summary_sentences(runs)))
    parts += [_section(table) for table in all_tables(runs)]
    return "\n\n".join(parts) + "\n"


def _section(table: Table) -> str:
    body = escape(table.empty) if table.frame.empty else _grid(table)
    notes = "\n".join(f"- {escape(note)}" for note in table.footnotes)
    return "\n\n".join(filter(None, (f"## {table.title}", escape(table.caption), body, notes)))


def _grid(table: Table) -> str:
    heads = [_head(column) for column in table.columns]
    rules = ["---:" if column.kind == "number" else "---" for column in table.columns]
    rows = [[_cell(table, row, column) for column in table.columns] for row in range(len(table.frame))]
    lines = [[escape(head) for head in heads], rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _head(column: Column) -> str:
    """A column's heading with its group, and with its unit where the group does not say it."""
    if not column.group:
        return column.title
    return f"{column.group}: {column.title if column.own_unit else column.head}"


def _cell(table: Table, row: int, column: Column) -> str:
    text, link = escape(table.cell(row, column)), table.link(row, column)
    return (f'[{text}]({link.address} "{link.title}")' if link else text) + table.signs(row, column)


def escape(text: str) -> str:
    """Escape what Markdown would interpret, and control characters; a name after an @ is told of nothing."""
    return printable(text).translate(_SPECIAL)
