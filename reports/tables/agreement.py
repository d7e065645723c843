"""Same function: outputs of the backends for equal weights and inputs, against what rounding allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from anatomy.bench.record import Record
from anatomy.reports.labels import LabelledRun, with_run
from anatomy.reports.speed import without_backend
from anatomy.reports.subjects import model_text
from anatomy.reports.table import Column, Table, make_frame

# Distance between 1 and the next number (IEEE 754 binary32 and binary16; bfloat16 has 8 significant bits).
EPSILON = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
# Sums inside a layer and transcendental functions round more than once.
ALLOWANCE = 16.0

_COLUMNS = (
    Column("model", "model"),
    Column("dtype", "dtype"),
    Column("backend", "backend"),
    Column("precision", "computes in"),
    Column("deviation", "deviation", "ppm", "number", 1e6, missing="reference"),
    Column("tolerance", "tolerance", "ppm", "number", 1e6),
    Column("verdict", "verdict", missing="reference"),
)


def agreement_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each infer case whose outputs can be compared with another backend's."""
    columns = with_run(_COLUMNS, runs)
    rows = [
        {"run": item.label, **row}
        for item in runs
        for group in _groups(item.run.records)
        if len(group) > 1
        for row in _compare(group)
    ]
    return Table(
        key="agreement",
        title="Same function on every backend",
        caption="Outputs of the first step with the same weights and inputs, beside the most precise backend's.",
        columns=columns,
        frame=make_frame(rows, columns),
        notes=(
            "Deviation: the largest difference over evenly spaced values of all outputs, relative to the largest of "
            f"the reference. Tolerance: {ALLOWANCE:.0f}·ε·√depth, with ε of the coarser precision in effect: "
            "rounding errors of a chain of operations grow like the root of its length (Higham and Mary 2019, 'A new "
            "approach to probabilistic rounding error analysis').",
        ),
        empty="No model was run in infer mode on two backends.",
    )


def _groups(records: Sequence[Record]) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.outcome == "ok" and record.output_sample:
            groups.setdefault(without_backend(record), []).append(record)
    return [sorted(group, key=lambda record: EPSILON[precision(record)]) for group in groups.values()]


def _compare(group: list[Record]) -> list[dict[str, Any]]:
    reference = group[0]
    return [_row(record, reference) for record in group]


def _row(record: Record, reference: Record) -> dict[str, Any]:
    depth = record.counts.depth if record.counts else 1
    tolerance = ALLOWANCE * EPSILON[precision(record)] * math.sqrt(max(1, depth))
    found = None if record is reference else deviation(record, reference)
    return {
        "model": model_text(record.case.model, record.case.options),
        "dtype": record.case.dtype,
        "backend": record.case.backend,
        "precision": precision(record),
        "deviation": found,
        "tolerance": tolerance,
        "verdict": None if found is None else "agrees" if found <= tolerance else "deviates",
    }


def deviation(record: Record, reference: Record) -> float:
    """Largest difference of the sampled outputs over the largest of the reference; infinite for other shapes."""
    ours, theirs = record.output_sample or [], reference.output_sample or []
    if len(ours) != len(theirs):
        return math.inf
    largest = max(abs(value) for value in theirs)
    difference = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    return difference / largest if largest else difference


def precision(record: Record) -> str:
    """The dtype in which products are computed: the policy's, or a coarser one the backend chose."""
    stated = str(record.settings.get("matmul_precision") or "")
    for name, spellings in {"bfloat16": ("bf16", "bfloat16"), "float16": ("f16", "float16")}.items():
        if stated in spellings or record.case.dtype.removeprefix("mixed_") == name:
            return name
    return "float32"
