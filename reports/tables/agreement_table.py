"""Same function: outputs of the backends for equal weights and inputs, against what rounding allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.caveats import DEVIATES
from anatomy.bench.records.rounding_tolerance import CONFIDENCE
from anatomy.reports.deviation import SAME, Deviation, run_deviations
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, with_run
from anatomy.reports.table import Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import case_cells

_COLUMNS = with_details(
    (
        Column("model", "model"),
        Column("mode", "mode"),
        Column("dtype", "dtype"),
        Column("backend", "backend"),
        Column("precision", "products in"),
        Column("deviation", "deviation", "ppm", "number", 1e6, missing="reference"),
        Column("tolerance", "tolerance", "ppm", "number", 1e6, missing="not counted"),
        Column("verdict", "verdict", kind="outcome", missing="reference"),
        Column("against", "reference"),
        Column("cause", "cause", missing="–"),
    ),
    "cause",
    "tolerance",
    "against",
)
_Compared = tuple[LabelledRecord, Deviation]


def agreement_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each case of infer or predict whose outputs can be compared with another backend's."""
    found = [
        (LabelledRecord(item, record), compared[record.key])
        for item in runs
        for compared in [item.once(run_deviations)]
        for record in item.run.records
        if record.key in compared
    ]
    return build_table(
        with_run(_COLUMNS, runs),
        found,
        _cells,
        _absence,
        caveats=lambda row: {"deviation": (DEVIATES,)} if row[1].verdict == "deviates" else {},
        case=lambda row: row[0].case_id,
        key="agreement",
        title="Same function on every backend",
        caption="Outputs with the same weights and inputs, beside the reference's.",
        notes=(
            "Outputs: of infer, those of the first step, or of the second where a layer carries a state from batch to "
            "batch; of predict, those of the last batch of the second call, which has several batches. Cause: a "
            "difference that is known; a backend that has it is not made part of the reference.",
            "Deviation: the largest difference over evenly spaced values of all outputs, relative to the largest of "
            "the reference. Reference: of the backends that compute products most precisely, the median of each "
            "value where there are three or more, so that one that is wrong cannot spoil it; else the first.",
            f"Tolerance: {CONFIDENCE:.0f}·(2·u + √n·2⁻²⁴)·√depth. u is the unit roundoff of the operands of products, "
            "the coarser of the two compared (float32 2⁻²⁴, TensorFloat-32 and float16 2⁻¹¹, bfloat16 2⁻⁸); n the mean "
            "number of terms in a sum (MACs over units), added up in float32; depth the layers with weights on the "
            "longest path. Rounding errors of n operations grow like √n with high probability (Higham and Mary 2019, "
            "'A new approach to probabilistic rounding error analysis', theorem 2.4, with λ = "
            f"{CONFIDENCE:.0f}).",
            "Where the own weights make all outputs 0 or the largest, as the softmax of an untrained deep network is, "
            "the outputs are compared with the last layer's weights divided by a power of ten.",
            f"“{SAME}”: all outputs are next to 0 or to the largest, so that the comparison says little.",
        ),
        empty="No model was run in infer or predict mode on two backends.",
    )


def _cells(row: _Compared) -> dict[str, Any]:
    labelled, one = row
    found = {name: getattr(one, name) for name in ("precision", "deviation", "tolerance", "verdict", "against")}
    return {**case_cells(labelled), **found, "cause": one.cause or None}


def _absence(row: _Compared, key: str) -> Absence | None:
    reason = row[1].reason if key in ("deviation", "verdict", "tolerance") else ""
    return Absence("not comparable", reason) if reason else None
