"""The batch sizes of each case: the largest that ran, the next that did not, and where throughput stops growing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.batch_sizes import fastest, group_by_case, summarise_batch_sizes
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import Figure, throughput
from anatomy.bench.statistics.saturation import TOLERANCE, in_words
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, with_run
from anatomy.reports.table import Column, Table, build_table
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells

_COLUMNS = (
    *CASE_COLUMNS[:3],
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
    """The table of batch sizes; none where no case was tried at several of them."""
    found = [(item, group) for item in runs for group in group_by_case(item.run.records) if len(group) > 1]
    if not found:
        return ()
    table = build_table(
        with_run(_COLUMNS, runs),
        found,
        _cells,
        figures=_figures,
        case=lambda row: (row[0].label, fastest(row[1]).key),
        key="batch_sizes",
        title="Batch sizes",
        caption="Cases that were tried at several batch sizes: how large a batch may be, and should be.",
        notes=(
            "A batch that ran with a peak above the run's memory limit counts as one that did not.",
            f"Throughput stops growing at the smallest batch than which no other is more than {TOLERANCE:.0%} faster; "
            "between two, where the 95 % intervals leave it open. It may still grow if the largest is so fast alone, "
            "or others too near to it for growth to show.",
        ),
    )
    return (table,)


def _figures(tries: tuple[LabelledRun, Sequence[Record]]) -> dict[str, Figure]:
    """The highest throughput, where enough sizes were measured to name it."""
    growth = summarise_batch_sizes(tries[1], None).growth
    best = [record for record in tries[1] if growth and record.case.batch_size == growth.best.batch_size]
    return {"best_examples_per_s": throughput(best[0])} if best else {}


def _cells(tries: tuple[LabelledRun, Sequence[Record]]) -> dict[str, Any]:
    item, records = tries
    limit = item.run.header.settings.get("memory_limit_bytes")
    sizes = summarise_batch_sizes(records, int(limit) if limit else None)
    case, growth = records[0].case, sizes.growth
    options = {name: value for name, value in case.options.items() if name != "batch_size"}
    return {
        **case_cells(LabelledRecord(item, records[0])),
        "model": model_text(case.model, options),
        "tried": ", ".join(f"{size:,}" for size in sizes.tried),
        "largest": sizes.largest,
        "too_large": sizes.too_large.case.batch_size if sizes.too_large else None,
        "why": sizes.why or None,
        "best": growth.best.batch_size if growth else None,
        "best_examples_per_s": growth.best.examples_per_s if growth else None,
        "growth": in_words(growth) if growth else None,
    }
