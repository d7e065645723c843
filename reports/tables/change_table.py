"""What changed between runs: each later run beside the first one, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.sureness import Figure, throughput
from anatomy.reports.run_difference import compare_runs
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Column, Table, build_table

_COLUMNS = (
    Column("case", "case"),
    Column("a", "before", "examples/s", "number", missing="–"),
    Column("b", "after", "examples/s", "number", missing="–"),
    Column("ratio", "after / before", kind="number", missing="–", digits=3),
    Column("low", "from", kind="number", group="95 % interval", missing="–"),
    Column("high", "to", kind="number", group="95 % interval", missing="–"),
    Column("verdict", "verdict"),
    Column("differences", "unlike settings"),
)


def change_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """A row for each case of each later run beside the first one of its machine and software; no table of one run."""
    first: dict[str, LabelledRun] = {}
    pairs = []
    for item in runs:
        base = first.setdefault(item.run.header.environment.fingerprint, item)
        if base is not item:
            pairs.append((base, item))
    rows = [{"run": f"{a.label} → {b.label}", **row} for a, b in pairs for row in _rows(a, b)]
    if not rows:
        return ()
    alone = [item.label for item in first.values() if not any(item is base for base, _ in pairs)]
    left_out = (f"Of another machine or software than all others: {', '.join(alone)}.",) if alone else ()
    columns = _COLUMNS if len(pairs) == 1 else (_COLUMNS[0], Column("run", "runs"), *_COLUMNS[1:])
    table = build_table(
        columns,
        rows,
        dict,
        figures=lambda row: row["figures"],
        key="changes",
        title="What changed",
        caption=f"Each case of {pairs[0][1].label} beside that of {pairs[0][0].label}, the largest change first."
        if len(pairs) == 1
        else "Each case beside that of the first run on its machine, the largest change first.",
        notes=(
            "Faster and slower: the 95 % intervals between processes do not overlap. One process: with fewer than two "
            "processes on a side there is no such interval, and the next process may differ by as much. Two runs are "
            "of two times: whether a change of code made a model slower, anatomy gate decides, which measures both "
            "sides in turns.",
            *left_out,
        ),
    )
    return (table,)


def _rows(first: LabelledRun, item: LabelledRun) -> list[dict[str, Any]]:
    frame = compare_runs(first.run, item.run).reset_index(names="case")
    frame.loc[frame["verdict"] == "one process", ["low", "high"]] = None
    found = [{record.key: throughput(record) for record in run.run.records} for run in (first, item)]
    return [
        {str(name): value for name, value in row.items()}
        | {"figures": _figures(*(of_run.get(row["key"], Figure(None)) for of_run in found))}
        for row in frame.to_dict("records")
    ]


def _figures(before: Figure, after: Figure) -> dict[str, Figure]:
    # A stage without examples has no throughput: its rate is written as it is.
    found = {"a": before, "b": after, "ratio": after.over(before)}
    return {key: figure for key, figure in found.items() if figure.value is not None}
