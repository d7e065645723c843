"""How close to the limit: work, speed and utilisation of each case beside its backend's ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.record import Record
from anatomy.reports.caveat_signs import utilisation_caveats
from anatomy.reports.flops_utilisation import Peak, Utilisation, utilisation
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, with_run
from anatomy.reports.step_bound import step_bound
from anatomy.reports.table import Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells

_COLUMNS = with_details(
    (
        *CASE_COLUMNS,
        Column("flops", "FLOPs", "MFLOP", "number", 1e-6, group="a step"),
        Column("intensity", "intensity", "FLOP/byte", "number", group="a step", digits=3),
        Column("flops_per_s", "achieved", "GFLOP/s", "number", 1e-9, group="speed", digits=3),
        Column("ceiling_flops_per_s", "best of this backend", "GFLOP/s", "number", 1e-9, group="speed", digits=3),
        Column("machine_flops_per_s", "best of any backend", "GFLOP/s", "number", 1e-9, group="speed", digits=3),
        Column("dtype", "products in", group="speed"),
        Column("mfu", "of this backend's best", "%", "number", 100, group="MFU", digits=2),
        Column("mfu_of_peak", "of the datasheet", "%", "number", 100, group="MFU", missing="no datasheet", digits=2),
        Column("bound", "bound by", missing="not known"),
        Column("bound_reason", "by these shares", missing="not known"),
        Column("uncounted", "layers not counted", missing="none"),
    ),
    "flops",
    "bound_reason",
    "uncounted",
    "dtype",
    "machine_flops_per_s",
)
_OF_USE = (
    *("flops", "intensity", "flops_per_s", "ceiling_flops_per_s", "machine_flops_per_s", "dtype", "mfu"),
    "mfu_of_peak",
)
_Row = tuple[LabelledRecord, Utilisation]


def utilisation_table(runs: Sequence[LabelledRun], peak: Peak | None = None) -> Table:
    """A row for each measured case whose model has products to count.

    Args:
        runs: runs with the ceilings in their headers.
        peak: dense datasheet peak of a device, FLOP/s.
    """
    found = [(LabelledRecord(item, record), use) for item in runs for record, use in item.once(utilisations, peak)]
    known = any(use.mfu_of_peak is not None for _, use in found)
    return build_table(
        with_run(tuple(column for column in _COLUMNS if known or column.key != "mfu_of_peak"), runs),
        found,
        _cells,
        _absence,
        caveats=lambda row: utilisation_caveats(row[0].record, row[1]),
        case=lambda row: row[0].case_id,
        key="utilisation",
        title="How close to the limit",
        caption="Model FLOPs utilisation of every case against the best matrix product measured through its backend.",
        notes=(
            "FLOPs of a step by convention: 2 × MACs × batch forward, three times that for training (Kaplan et al. "
            "2020, section 2.1; Chowdhery et al. 2022, PaLM, appendix B). MFU: achieved FLOP/s, at the pipelined "
            "throughput, over the best dense matrix product of that dtype through this backend, as anatomy doctor "
            "measured it on this machine (another may reach more: best of any backend), or over the dense (never the "
            "sparse) peak of the datasheet.",
            "Intensity: FLOPs over bytes moved by a model: parameters read once (in training six times, and twice for "
            "each value the optimizer keeps), the output of every layer written and read once (in training three "
            "times). Caches and fusion move less, kernels that read their input several times move more.",
            "Bound by: what a profile shows, where there is one: the largest part of the step, and of device compute "
            "what bounds most of its layers. Else what would take longest, each alone at this backend's best measured "
            "speed: the products (compute), the bytes (memory), or the launch of one operation (launch). It is neither "
            "where each would take less than a quarter of the step. What of the step these do not explain, between "
            "all of them in turn and the longest alone, goes to more launches, or to operations far from the best; a "
            "profile tells which.",
            "Where layers were not counted, FLOPs and MFU are lower bounds.",
        ),
        empty="No measured case has products that were counted.",
    )


def utilisations(item: LabelledRun, peak: Peak | None = None) -> list[tuple[Record, Utilisation]]:
    """Return the measured cases of a run that have a utilisation, with it."""
    header = item.run.header
    found = [
        (record, utilisation(record, header.ceilings, peak, header.environment.gpus)) for record in item.run.records
    ]
    return [(record, use) for record, use in found if use is not None]


def _cells(row: _Row) -> dict[str, Any]:
    labelled, use = row
    counts = labelled.record.counts
    bound = step_bound(use, labelled.run.profile(labelled.record))
    return {
        **case_cells(labelled),
        **{name: getattr(use, name) for name in _OF_USE},
        "bound": bound.name if bound else None,
        "bound_reason": bound.said if bound else None,
        "uncounted": ", ".join(counts.uncounted) or None if counts else None,
    }


def _absence(row: _Row, key: str) -> Absence | None:
    _, use = row
    if key in ("ceiling_flops_per_s", "mfu") and use.reason:
        return Absence("not measured", use.reason)
    if key in ("intensity", "bound", "bound_reason") and use.no_intensity:
        return Absence("not known", use.no_intensity)
    return Absence("not known", use.reason) if key in ("bound", "bound_reason") and use.reason else None
