"""The stages of an application on the terminal: a table for each backend, and the accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from anatomy.bench.records.application_stages import NOT_REACHED, Accuracy, StageRow, accuracies, stage_rows
from anatomy.bench.records.record import Record

_HEADS = ("seconds", "± 95 %", "share", "examples/s", "peak MB")


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
    lives = any(row.record.case.model == "lifecycle" for row in rows)
    spread = any(row.record.step_interval_s for row in rows)
    for head in (
        *(_HEADS if spread else ("seconds", *_HEADS[2:])),
        *(("file MB", "× Keras", "ppm") if lives else ("MB/s", "right")),
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        if row.record.outcome == "ok":
            table.add_row(
                row.stage, *_cells(row, spread=spread), *(_exported(row) if lives else _read(row, found.get(row.stage)))
            )
    return table


def _failures(rows: Sequence[StageRow]) -> list[str]:
    """The stages that failed, and those that were kept from beginning."""
    failed = [row for row in rows if row.record.outcome != "ok"]
    if not failed:
        return []
    reached = [row for row in failed if not row.record.reason.startswith(NOT_REACHED)]
    lines = [f"{row.stage}: {row.record.outcome}: {row.record.reason}" for row in reached]
    others = [row.stage for row in failed if row not in reached]
    return lines + ([f"not reached: {', '.join(others)}"] if others else [])


def _cells(row: StageRow, *, spread: bool) -> list[str]:
    record = row.record
    return [
        _number(record.step_median_s, 3),
        *([_spread(record)] if spread else []),
        "–" if row.share is None else f"{row.share:.1%}",
        _number(record.throughput_examples_per_s, 0),
        _number(row.peak_bytes, 0, 1e-6),
    ]


def _read(row: StageRow, right: Accuracy | None) -> list[str]:
    return [_number(row.mb_per_s, 1), "" if right is None else _right(right)]


def _exported(row: StageRow) -> list[str]:
    stage, seconds = row.record.stage, row.record.step_median_s
    if stage is None:
        return []
    beside = stage.beside_s / seconds if stage.beside_s and seconds else None
    return [_number(stage.size_bytes or None, 2, 1e-6), _number(beside, 2), _number(stage.deviation, 1, 1e6)]


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
