"""How close to the limit: work, speed and utilisation of each case beside its backend's ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.record import Record
from anatomy.reports.caveats import marks_of_use
from anatomy.reports.flops_utilisation import Peak, Utilisation, utilisation
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Absence, Column, Table, make_frame

_COLUMNS = (
    Column("model", "model"),
    Column("mode", "mode", group="case"),
    Column("backend", "backend", group="case"),
    Column("batch_size", "batch", kind="number", whole=True, group="case"),
    Column("flops", "FLOPs", "MFLOP", "number", 1e-6, group="a step"),
    Column("intensity", "intensity", "FLOP/byte", "number", group="a step"),
    Column("flops_per_s", "achieved", "GFLOP/s", "number", 1e-9, group="speed"),
    Column("ceiling_flops_per_s", "measured ceiling", "GFLOP/s", "number", 1e-9, group="speed"),
    Column("dtype", "products in", group="speed"),
    Column("mfu", "of the ceiling", "%", "number", 100, group="MFU"),
    Column("mfu_of_peak", "of the datasheet", "%", "number", 100, group="MFU", missing="no datasheet"),
    Column("uncounted", "layers not counted", missing="none"),
)


def utilisation_table(runs: Sequence[LabelledRun], peak: Peak | None = None) -> Table:
    """A row for each measured case whose model has products to count.

    Args:
        runs: with the ceilings in their headers.
        peak: dense datasheet peak of a device, FLOP/s.
    """
    found = [(item.label, record, use) for item in runs for record, use in uses(item, peak)]
    known = any(use.mfu_of_peak is not None for _, _, use in found)
    columns = with_run(tuple(column for column in _COLUMNS if known or column.key != "mfu_of_peak"), runs)
    return Table(
        key="utilisation",
        title="How close to the limit",
        caption="Model FLOPs utilisation of every case against its backend's measured ceiling.",
        columns=columns,
        frame=make_frame([{"run": label, **_row(record, use)} for label, record, use in found], columns),
        absent={
            (number, key): absence for number, (_, _, use) in enumerate(found) for key, absence in _absent(use).items()
        },
        marks={
            (number, key): marks
            for number, (_, record, use) in enumerate(found)
            for key, marks in marks_of_use(record, use).items()
        },
        notes=(
            "FLOPs of a step by convention: 2 × MACs × batch forward, three times that for training (Kaplan et al. "
            "2020, section 2.1; Chowdhery et al. 2022, PaLM, appendix B). MFU: achieved FLOP/s, at the pipelined "
            "throughput, over the best dense matrix product of that dtype, as anatomy doctor measured it on this "
            "machine, or over the dense (never the sparse) peak of the datasheet.",
            "Intensity: FLOPs over bytes moved by a model: parameters read once (in training six times, and twice for "
            "each value the optimizer keeps), the output of every layer written and read once (in training three "
            "times). Caches and fusion move less, kernels that read their input several times move more.",
            "Where layers were not counted, FLOPs and MFU are lower bounds.",
        ),
        empty="No measured case has products that were counted.",
    )


def uses(item: LabelledRun, peak: Peak | None = None) -> list[tuple[Record, Utilisation]]:
    """The measured cases of a run that have a utilisation."""
    header = item.run.header
    found = [
        (record, utilisation(record, header.ceilings, peak, header.environment.gpus)) for record in item.run.records
    ]
    return [(record, use) for record, use in found if use is not None]


def _absent(use: Utilisation) -> dict[str, Absence]:
    """Column → why it has no value."""
    limits = dict.fromkeys(("ceiling_flops_per_s", "mfu"), Absence("not measured", use.reason)) if use.reason else {}
    return limits | ({"intensity": Absence("not known", use.no_intensity)} if use.no_intensity else {})


def _row(record: Record, use: Utilisation) -> dict[str, Any]:
    names = ("flops", "intensity", "flops_per_s", "ceiling_flops_per_s", "dtype", "mfu", "mfu_of_peak")
    return {
        "model": model_text(record.case.model, record.case.options),
        **record.case.model_dump(include={"mode", "backend", "batch_size"}),
        **{name: getattr(use, name) for name in names},
        "uncounted": ", ".join(record.counts.uncounted) or None if record.counts else None,
    }
