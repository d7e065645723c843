"""What changed between runs: each later run beside the first one, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.sureness import Figure, throughput
from anatomy.reports.run_difference import MATTERS, compare_runs, difference_sentence, verdict_words
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
    Column("differences", "unlike settings", missing="none"),
)


def change_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """A row for each case of each later run beside the first one of its machine and software; no table of one run."""
    pairs = compared_pairs(runs)
    rows = [{"run": f"{a.label} → {b.label}", **row} for a, b in pairs for row in _rows(a, b)]
    if not rows:
        return ()
    alone = [item.label for item in runs if not any(item is one for pair in pairs for one in pair)]
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
            "Faster and slower: the 95 % intervals between processes do not overlap. Too close: they do, and leave no "
            f"room for a change of more than {MATTERS:.0%}. Not known: they overlap so widely that such a change could "
            "hide in them; more processes narrow them (--processes). One process: with fewer than two "
            "processes on a side there is no such interval, and the next process may differ by as much. Two runs are "
            "of two times: whether a change of code made a model slower, anatomy gate decides, which measures both "
            "sides in turns.",
            *left_out,
        ),
    )
    return (table,)


def compared_pairs(runs: Sequence[LabelledRun]) -> list[tuple[LabelledRun, LabelledRun]]:
    """Each later run with the first one of its machine and software."""
    first: dict[str, LabelledRun] = {}
    bases = [(first.setdefault(item.run.header.environment.fingerprint, item), item) for item in runs]
    return [(base, item) for base, item in bases if base is not item]


def change_sentences(runs: Sequence[LabelledRun]) -> list[str]:
    """What changed between the runs, in a sentence for each pair."""
    return [
        f"{after.label} beside {before.label}: {difference_sentence(compare_runs(before.run, after.run))}."
        for before, after in compared_pairs(runs)
    ]


def changes_of_cases(runs: Sequence[LabelledRun], item: LabelledRun) -> dict[str, str]:
    """Key of each case of a run → `1.19 × that of run 1, not known: 0.43 to 3.26 ×`; empty of a first run."""
    base = next((before for before, after in compared_pairs(runs) if after is item), None)
    if base is None:
        return {}
    return {
        row["key"]: f"{ratio.about(ratio.number(most=3))} × that of run {runs.index(base) + 1}, {row['verdict']}"
        for row in _rows(base, item)
        if (ratio := row["figures"].get("ratio")) is not None
    }


def _rows(first: LabelledRun, item: LabelledRun) -> list[dict[str, Any]]:
    frame = compare_runs(first.run, item.run).reset_index(names="case")
    frame.loc[frame["verdict"] == "one process", ["low", "high"]] = None
    found = [{record.key: throughput(record) for record in run.run.records} for run in (first, item)]
    return [
        {str(name): value for name, value in row.items()}
        | {"verdict": verdict_words(row), "differences": row["differences"] or None}
        | {"figures": _figures(*(of_run.get(row["key"], Figure(None)) for of_run in found))}
        for row in frame.to_dict("records")
    ]


def _figures(before: Figure, after: Figure) -> dict[str, Figure]:
    # A stage without examples has no throughput: its rate is written as it is.
    found = {"a": before, "b": after, "ratio": after.over(before)}
    return {key: figure for key, figure in found.items() if figure.value is not None}
