"""The model comparison table: a row for each model measured, beside its paper and its full size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.case import BACKENDS, Backend, Mode
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts
from anatomy.models import Architecture
from anatomy.reports.caveats import Mark, marks_of
from anatomy.reports.model_labels import architecture, counts_by_model, model_text
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.settings_differences import comparable, refused, unlike_settings
from anatomy.reports.table import MEBI, Absence, Column, Table, make_frame

TIMED: tuple[Mode, ...] = ("train", "infer")
NOT_APPLICABLE = "–"

_PAPER = (
    Column("model", "model"),
    Column("architecture", "architecture", group="paper"),
    Column("year", "year", kind="number", whole=True, separators=False, group="paper", missing=NOT_APPLICABLE),
    Column("paper", "paper", kind="citation", group="paper", missing=NOT_APPLICABLE),
    Column("published_error", "published error, quoted", group="paper", missing=NOT_APPLICABLE),
)
_NOT_COUNTED = "not counted in this run"
_FULL = tuple(
    Column(f"full_{key}", head, kind="number", whole=True, group="full size", missing=missing)
    for key, head, missing in (
        ("parameters_claimed", "parameters claimed", "no claim"),
        ("parameters", "parameters counted", _NOT_COUNTED),
        ("macs", "MACs", _NOT_COUNTED),
        ("weight_layers", "layers with weights", _NOT_COUNTED),
        ("depth", "depth", _NOT_COUNTED),
    )
)
_MEASURED = (
    Column("batch_size", "batch", kind="number", whole=True, group="as measured"),
    Column("dtype", "dtype", group="as measured"),
    Column("parameters", "parameters", kind="number", whole=True, group="as measured"),
    Column("macs", "MACs", kind="number", whole=True, group="as measured"),
    Column("weight_layers", "layers with weights", kind="number", whole=True, group="as measured"),
    Column("activation_bytes", "activations", "MiB", "number", 1 / MEBI, group="as measured"),
)
_SETTINGS = Column("settings", "unlike settings", missing=NOT_APPLICABLE)
# Record's attribute, key of the column, heading of the group, unit, scale.
_FIGURES = (
    ("throughput_examples_per_s", "throughput_examples_per_s", "throughput", "examples/s", 1.0),
    ("step_median_s", "step_median_s", "step latency, median", "ms", 1e3),
    ("peak_host_above_base_bytes", "peak_host_above_base_bytes", "host memory peak above base", "MiB", 1 / MEBI),
    ("peak_device_bytes", "peak_device_bytes", "device memory peak", "MiB", 1 / MEBI),
)

# Figures of time, which the marks of a record are about.
TIMES = ("throughput_examples_per_s", "step_median_s")

NOTES = (
    "Full size: the architecture at its own defaults, which are the slides' or the paper's, counted without running "
    "it. As measured: the model of this row. MACs and activations are those of one example, forward.",
    "Parameters claimed and published errors are quoted from the slides or the papers, never verified.",
    "Throughput: batch size over the median time of a step in pipelined blocks. Latency: median of synchronised "
    "steps. The two are different measurements and do not convert into each other.",
    "Memory: highest resident memory of the worker process, less what it held before the model was built.",
    "Settings: what was in effect on one backend and not on another; such figures compare configurations, not "
    "backends alone.",
)


def model_table(runs: Sequence[LabelledRun]) -> Table:
    """One row for each model, batch size, dtype, jit and number of devices of each run."""
    shown = _shown_figures(runs)
    columns = with_run((*_PAPER, *_FULL, *_MEASURED, *shown.values(), _SETTINGS), runs)
    rows: list[dict[str, Any]] = []
    absent: dict[tuple[int, str], Absence] = {}
    marks: dict[tuple[int, str], tuple[Mark, ...]] = {}
    for item in runs:
        counts = counts_by_model(item.run.records)
        for group in _groups(item.run.records):
            for (figure, mode, backend), column in shown.items():
                why = _absence(group, figure, mode, backend)
                if why:
                    absent[len(rows), column.key] = why
                if figure in TIMES:
                    marks[len(rows), column.key] = marks_of(record) if (record := _of(group, mode, backend)) else ()
            rows.append({"run": item.label, **_row(group, counts, shown)})
    return Table(
        key="models",
        title="Model comparison",
        caption="Every model of the run: its paper, its size, and what was measured on each backend.",
        columns=columns,
        frame=make_frame(rows, columns),
        absent=absent,
        marks=marks,
        notes=(*NOTES, *_split(runs)),
        empty="No model was measured.",
    )


def _groups(records: Sequence[Record]) -> list[list[Record]]:
    """Timed records that differ only in mode and backend, and whose models have as many parameters."""
    timed = [record for record in records if record.case.mode in TIMED]
    return list(comparable(timed, mode="train", backend="tensorflow").values())


def _split(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """Which models have several rows, since what the backends built is not the same."""
    found = [text for item in runs for text in refused(r for r in item.run.records if r.case.mode in TIMED)]
    return (f"In rows of their own, since the models are not the same: {'; '.join(found)}.",) if found else ()


def _of(group: list[Record], mode: Mode, backend: Backend) -> Record | None:
    return next((r for r in group if (r.case.mode, r.case.backend) == (mode, backend)), None)


def _shown_figures(runs: Sequence[LabelledRun]) -> dict[tuple[str, Mode, Backend], Column]:
    """The columns of figures: every mode and backend of the runs, and device memory where there is any."""
    records = [record for item in runs for record in item.run.records]
    pairs = {(record.case.mode, record.case.backend) for record in records}
    return {
        (figure, mode, backend): Column(
            f"{mode}_{backend}_{key}", f"{mode} {backend}", unit, "number", scale, group=f"{group} [{unit}]"
        )
        for figure, key, group, unit, scale in _FIGURES
        if figure != "peak_device_bytes" or any(record.peak_device_bytes is not None for record in records)
        for mode in TIMED
        for backend in BACKENDS
        if (mode, backend) in pairs
    }


def _row(
    group: list[Record], counts: dict[str, Counts], shown: dict[tuple[str, Mode, Backend], Column]
) -> dict[str, Any]:
    case = group[0].case
    row = architecture(case.model)
    own = next((record.counts for record in group if record.counts), None)
    return {
        "model": model_text(case.model, case.options),
        **_paper(row, case.model),
        **_full_size(row, counts),
        "batch_size": case.batch_size,
        "dtype": case.dtype,
        **_fields(own, "parameters", "macs", "weight_layers", "activation_bytes"),
        **{
            column.key: getattr(record, figure)
            for (figure, mode, backend), column in shown.items()
            for record in group
            if record.outcome == "ok" and (record.case.mode, record.case.backend) == (mode, backend)
        },
        "settings": _settings(group),
    }


def _paper(row: Architecture | None, model: str) -> dict[str, Any]:
    if row is None:
        return {"architecture": model}
    source = row.paper.partition("),")[0] + ")"
    error = f"“{row.published_error}”, {source}" if row.published_error else None
    return {"architecture": row.title, "year": row.year, "paper": row.paper, "published_error": error}


def _full_size(row: Architecture | None, counts: dict[str, Counts]) -> dict[str, Any]:
    if row is None:
        return {}
    found = _fields(counts.get(row.name), "parameters", "macs", "weight_layers", "depth")
    return {f"full_{key}": value for key, value in found.items()} | {"full_parameters_claimed": row.claimed_parameters}


def _fields(counts: Counts | None, *names: str) -> dict[str, Any]:
    return {name: getattr(counts, name) if counts else None for name in names}


def _settings(group: list[Record]) -> str | None:
    """What differs between the backends within each mode; said once where both modes differ alike."""
    if all(record.outcome != "ok" for record in group):
        return None
    notes = {mode: unlike_settings(record for record in group if record.case.mode == mode) for mode in TIMED}
    said = {mode: note for mode, note in notes.items() if note}
    if len(said) == 2 and said["train"] == said["infer"]:
        return said["train"]
    return " | ".join(f"{mode}: {note}" for mode, note in said.items()) or "alike"


def _absence(group: list[Record], figure: str, mode: Mode, backend: Backend) -> Absence | None:
    record = _of(group, mode, backend)
    if record is None:
        return Absence("not in this run", "no such case was planned for a model of this size")
    if record.outcome != "ok":
        return Absence(record.outcome, record.reason)
    if figure in record.not_measured:
        return Absence("not measured", record.not_measured[figure])
    return None
