"""The batch sizes of each case: the largest that ran, the next that did not, and where throughput stops growing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.batch_sizes import BatchSizes, group_by_case, summarise_batch_sizes
from anatomy.bench.records.record import Record
from anatomy.bench.statistics.saturation import TOLERANCE, in_words
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Column, Table, make_frame

_COLUMNS = (
    Column("model", "model"),
    Column("mode", "mode", group="case"),
    Column("backend", "backend", group="case"),
    Column("dtype", "dtype", group="case"),
    Column("tried", "tried", group="batch sizes"),
    Column("largest", "largest that ran", kind="number", whole=True, group="batch sizes", missing="none"),
    Column("too_large", "next that did not", kind="number", whole=True, group="batch sizes", missing="not tried"),
    Column("why", "why not", group="batch sizes", missing="–"),
    Column("best", "batch", kind="number", whole=True, group="highest throughput", missing="three sizes needed"),
    Column("best_examples_per_s", "throughput", "examples/s", "number", group="highest throughput", missing="–"),
    Column("growth", "throughput", missing="three sizes needed"),
)


def batch_size_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """The table, where a case was tried at several batch sizes; else none."""
    found = [(item, group) for item in runs for group in group_by_case(item.run.records) if len(group) > 1]
    return (_table(runs, [_row(item, group) for item, group in found]),) if found else ()


def _table(runs: Sequence[LabelledRun], rows: list[dict[str, Any]]) -> Table:
    columns = with_run(_COLUMNS, runs)
    return Table(
        key="batch_sizes",
        title="Batch sizes",
        caption="Cases that were tried at several batch sizes: how large a batch may be, and should be.",
        columns=columns,
        frame=make_frame(rows, columns),
        notes=(
            "A batch that ran with a peak above the run's memory limit counts as one that did not.",
            f"Throughput stops growing at the smallest batch than which no other is more than {TOLERANCE:.0%} faster; "
            "between two, where the 95 % intervals leave it open. It may still grow if the largest is so fast alone, "
            "or others too near to it for growth to show.",
        ),
    )


def _row(item: LabelledRun, records: Sequence[Record]) -> dict[str, Any]:
    limit = item.run.header.settings.get("memory_limit_bytes")
    sizes = summarise_batch_sizes(records, int(limit) if limit else None)
    case = records[0].case
    options = {name: value for name, value in case.options.items() if name != "batch_size"}
    return {
        "run": item.label,
        "model": model_text(case.model, options),
        **case.model_dump(include={"mode", "backend", "dtype"}),
        "tried": ", ".join(f"{size:,}" for size in sizes.tried),
        "largest": sizes.largest,
        "too_large": sizes.too_large.case.batch_size if sizes.too_large else None,
        "why": sizes.why or None,
        **_growth(sizes),
    }


def _growth(sizes: BatchSizes) -> dict[str, Any]:
    found = sizes.growth
    return {
        "best": found.best.batch_size if found else None,
        "best_examples_per_s": found.best.examples_per_s if found else None,
        "growth": in_words(found) if found else None,
    }
