"""The stages of an application on the terminal: a table for each backend, and the accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from anatomy.bench.records.application_stages import Accuracy, StageRow, accuracies, stage_rows
from anatomy.bench.records.record import Record


def print_stages(console: Console, records: Sequence[Record]) -> None:
    """Print what each stage took, and how many classes were right."""
    found = accuracies(records)
    for (application, backend), rows in groupby(
        stage_rows(records), lambda row: (row.application, row.record.case.backend)
    ):
        own = {one.stage: one for one in found if (one.application, one.backend) == (application, backend)}
        console.print(f"\n{application}; {backend}", style="bold", highlight=False, markup=False, soft_wrap=True)
        measured = list(rows)
        console.print(_table(measured, own))
        for line in _failures(measured):
            console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


def _table(rows: Sequence[StageRow], found: dict[str, Accuracy]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    for head in ("seconds", "± 95 %", "share", "examples/s", "MB/s", "peak MB", "right"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        if row.record.outcome == "ok":
            table.add_row(row.stage, *_cells(row, found.get(row.stage)))
    return table


def _failures(rows: Sequence[StageRow]) -> list[str]:
    """The stage that ended the application, and those that it kept from beginning."""
    failed = [row for row in rows if row.record.outcome != "ok"]
    if not failed:
        return []
    first, *others = failed
    lines = [f"{first.stage}: {first.record.outcome}: {first.record.reason}"]
    return lines + ([f"not reached: {', '.join(row.stage for row in others)}"] if others else [])


def _cells(row: StageRow, right: Accuracy | None) -> list[str]:
    record = row.record
    return [
        _number(record.step_median_s, 3),
        _spread(record),
        "–" if row.share is None else f"{row.share:.1%}",
        _number(record.throughput_examples_per_s, 0),
        _number(row.mb_per_s, 1),
        _number(row.peak_bytes, 0, 1e-6),
        "" if right is None else _right(right),
    ]


def _spread(record: Record) -> str:
    interval, middle = record.step_interval_s, record.step_median_s
    if interval is None or not middle:
        return "–"
    spread = (interval[1] - interval[0]) / 2 / middle
    return f"{spread:.0%}" if spread < 1 else "> 100%"


def _right(right: Accuracy) -> str:
    if right.interval is None:
        return f"{right.mean:.1%}"
    low, high = right.interval
    return f"{low:.1%} – {high:.1%}"


def _number(value: float | None, decimals: int, scale: float = 1.0) -> str:
    return "–" if value is None else f"{value * scale:,.{decimals}f}"
