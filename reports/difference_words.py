"""The difference of two runs for the terminal and for a pull request."""

from __future__ import annotations

from typing import Any

import pandas as pd

from anatomy.bench.errors.printable import shortened, without_middle
from anatomy.bench.records.sureness import rounded
from anatomy.reports.number_words import plural
from anatomy.reports.report_markdown import escape
from anatomy.reports.run_difference import CHANGED, TOO_CLOSE, difference_sentence, verdict_name

MOST_LINES, WIDTH = 12, 80
ADVICE = "Whether a change of code made it slower, anatomy gate decides."
_NAME = 34


def difference_lines(frame: pd.DataFrame, names: tuple[str, str]) -> list[str]:
    """At most twelve lines of 80 columns: changes by their size, then all else but what is too close, or not known.

    Args:
        frame: of `compare_runs`.
        names: of the runs a and b.
    """
    a, b = names
    head = [shortened(f"{b} (b) beside {a} (a)", WIDTH), shortened(difference_sentence(frame), WIDTH)]
    rows = [row for row in _rows(frame) if row["verdict"] != TOO_CLOSE]
    # Failures before what has only no verdict; sorting keeps the order by size.
    rows.sort(key=lambda row: _rank(row["verdict"]))
    room = MOST_LINES - len(head) - 1
    lines = [_line(row) for row in (rows if len(rows) <= room else rows[: room - 1])]
    if len(rows) > room:
        lines.append(f"  {len(rows) - room + 1} more: --markdown has all, and so has the report of both runs")
    return [*head, *lines, ADVICE]


def _rank(verdict: str) -> int:
    if verdict in CHANGED:
        return 0
    return 1 if verdict.startswith(("a:", "b:", "only in")) else 2


def difference_markdown(frame: pd.DataFrame, names: tuple[str, str]) -> str:
    """For a pull request: a sentence, a table of what changed, and all other cases folded."""
    a, b = map(escape, names)
    changed = frame[frame["verdict"].isin(CHANGED)]
    others = frame[~frame["verdict"].isin(CHANGED)]
    parts = [f"**{b} beside {a}**: {difference_sentence(frame)}."]
    if len(changed):
        parts.append(_table(changed, a, b))
    if len(others):
        summary = f"{plural(len(others), 'case')} without a clear change"
        parts.append(f"<details><summary>{summary}</summary>\n\n{_table(others, a, b)}\n\n</details>")
    return "\n\n".join([*parts, ADVICE]) + "\n"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found = frame.reset_index(names="name").to_dict("records")
    return [{str(column): value for column, value in row.items()} for row in found]


def _table(frame: pd.DataFrame, a: str, b: str) -> str:
    lines = [f"| case | {a}, examples/s | {b}, examples/s | ratio | 95 % | verdict |", "|---|---:|---:|---:|---:|---|"]
    for row in _rows(frame):
        cells = [escape(row["name"]), _rate(row["a"]), _rate(row["b"]), _ratio(row["ratio"]), _range(row)]
        unlike = f" ({escape(row['differences'])})" if row["differences"] else ""
        lines.append(f"| {' | '.join(cells)} | {escape(verdict_name(row))}{unlike} |")
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    name = without_middle(row["name"], _NAME)
    ends = "" if pd.isna(row["ratio"]) else f"{_ratio(row['ratio'])}x"
    if _has_interval(row):
        ends += f" ({_range(row)})"
    return shortened(f"  {name:<{_NAME}} {ends:<26} {row['verdict']}", WIDTH)


def _rate(value: float | None) -> str:
    return "–" if pd.isna(value) else rounded(float(value or 0.0), 0.01)


def _ratio(value: float | None) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"


def _range(row: dict[str, Any]) -> str:
    return f"{row['low']:.2f} to {row['high']:.2f}" if _has_interval(row) else "–"


def _has_interval(row: dict[str, Any]) -> bool:
    """Of one process there is one, which does not know the next."""
    return bool(pd.notna(row["low"])) and row["verdict"] != "one process"
