"""Columns and cells that tables of cases share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anatomy.reports.model_labels import case_text
from anatomy.reports.run_labels import LabelledRecord
from anatomy.reports.table import Column

CASE_COLUMNS = (
    Column("model", "model"),
    Column("mode", "mode", group="case"),
    Column("backend", "backend", group="case"),
    Column("batch_size", "batch", kind="number", whole=True, group="case"),
)

TOO_FEW = "too few"


def spread_column(key: str, of: str, head: str, **more: Any) -> Column:
    """The column of the 95 % intervals of throughputs, or of median steps: ± or the ends."""
    unit, scale = {"throughput_examples_per_s": ("examples/s", 1.0), "step_median_s": ("ms", 1e3)}[of]
    return replace(Column(key, head, f"± or {unit}", "number", scale, missing=TOO_FEW, digits=2, spread_of=of), **more)


def case_cells(labelled: LabelledRecord) -> dict[str, Any]:
    """Return the cells that identify a case, by the names of the case's fields, with its run and its outcome."""
    case = labelled.record.case
    return {
        **case.__dict__,
        "run": labelled.run.label,
        "model": case_text(case),
        "outcome": labelled.record.outcome,
    }


def interval_spread(interval: tuple[float, float] | None, value: float | None) -> float | None:
    """Return half the width of a figure's interval over the figure."""
    return (interval[1] - interval[0]) / 2 / value if interval and value else None
