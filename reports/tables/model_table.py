"""Comparison of models: a row for each model that was measured, beside its paper and its full size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.case import BACKENDS, Backend, Mode
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts
from anatomy.models import Architecture
from anatomy.reports.caveats import caveats_of
from anatomy.reports.model_labels import architecture_of, counts_by_model, model_text
from anatomy.reports.run_labels import LabelledRun, labelled_records, with_run
from anatomy.reports.settings_differences import comparable_records, incomparable_cases, settings_differences
from anatomy.reports.table import MEBI, Absence, Column, Table, build_table

TIMED: tuple[Mode, ...] = ("train", "infer")
_NOT_APPLICABLE = "–"

_PAPER = (
    Column("model", "model"),
    Column("architecture", "architecture", group="paper"),
    Column("year", "year", kind="number", whole=True, separators=False, group="paper", missing=_NOT_APPLICABLE),
    Column("paper", "paper", kind="citation", group="paper", missing=_NOT_APPLICABLE),
    Column("published_error", "published error, quoted", group="paper", missing=_NOT_APPLICABLE),
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
_SETTINGS = Column("settings", "unlike settings", missing=_NOT_APPLICABLE)
# Attribute of the record, heading of the group, unit, scale.
_FIGURES = (
    ("throughput_examples_per_s", "throughput", "examples/s", 1.0),
    ("step_median_s", "step latency, median", "ms", 1e3),
    ("peak_host_above_base_bytes", "host memory peak above base", "MiB", 1 / MEBI),
    ("peak_device_bytes", "device memory peak", "MiB", 1 / MEBI),
)
# Figures of time: the caveats of a record are about these.
_TIMES = ("throughput_examples_per_s", "step_median_s")

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


class _Row(NamedTuple):
    """A row of the table: records that differ in mode and backend only, and the counts of all models of their run."""

    label: str
    records: list[Record]
    counts: dict[str, Counts]

    def of(self, mode: Mode, backend: Backend) -> Record | None:
        """The record of a mode and backend; `None` where the run has none."""
        return next((r for r in self.records if (r.case.mode, r.case.backend) == (mode, backend)), None)


def model_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each model, batch size, dtype, jit and number of devices of each run."""
    shown = _shown_figures(runs)
    by_key = {column.key: figure for figure, column in shown.items()}
    return build_table(
        with_run((*_PAPER, *_FULL, *_MEASURED, *shown.values(), _SETTINGS), runs),
        [_Row(item.label, group, counts_by_model(item.run.records)) for item in runs for group in _groups(item)],
        lambda row: _cells(row, shown),
        absence=lambda row, key: _absence(row, *by_key[key]) if key in by_key else None,
        caveats=lambda row: {
            column.key: caveats_of(record) if (record := row.of(mode, backend)) else ()
            for (figure, mode, backend), column in shown.items()
            if figure in _TIMES
        },
        key="models",
        title="Model comparison",
        caption="Every model of the run: its paper, its size, and what was measured on each backend.",
        notes=(*NOTES, *_split_note(runs)),
        empty="No model was measured.",
    )


def _groups(item: LabelledRun) -> list[list[Record]]:
    """Timed records of a run that differ only in mode and backend, and whose models have as many parameters."""
    timed = [record for record in item.run.records if record.case.mode in TIMED]
    return list(comparable_records(timed, mode="train", backend="tensorflow").values())


def _split_note(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """A note on the models that have several rows, since the backends built models of unlike sizes."""
    found = [text for item in runs for text in incomparable_cases(r for r in item.run.records if r.case.mode in TIMED)]
    return (f"In rows of their own, since the models are not the same: {'; '.join(found)}.",) if found else ()


def _shown_figures(runs: Sequence[LabelledRun]) -> dict[tuple[str, Mode, Backend], Column]:
    """The columns of figures: every mode and backend of the runs, and device memory where there is any."""
    records = [record for _, record in labelled_records(runs)]
    pairs = {(record.case.mode, record.case.backend) for record in records}
    return {
        (figure, mode, backend): Column(
            f"{mode}_{backend}_{figure}", f"{mode} {backend}", unit, "number", scale, group=f"{group} [{unit}]"
        )
        for figure, group, unit, scale in _FIGURES
        if figure != "peak_device_bytes" or any(record.peak_device_bytes is not None for record in records)
        for mode in TIMED
        for backend in BACKENDS
        if (mode, backend) in pairs
    }


def _cells(row: _Row, shown: dict[tuple[str, Mode, Backend], Column]) -> dict[str, Any]:
    case = row.records[0].case
    architecture = architecture_of(case.model)
    own = next((record.counts for record in row.records if record.counts), None)
    return {
        "run": row.label,
        "model": model_text(case.model, case.options),
        **_paper(architecture, case.model),
        **_full_size(architecture, row.counts),
        "batch_size": case.batch_size,
        "dtype": case.dtype,
        **_fields(own, "parameters", "macs", "weight_layers", "activation_bytes"),
        **{
            column.key: getattr(record, figure)
            for (figure, mode, backend), column in shown.items()
            if (record := row.of(mode, backend)) and record.outcome == "ok"
        },
        "settings": _settings(row.records),
    }


def _paper(architecture: Architecture | None, model: str) -> dict[str, Any]:
    if architecture is None:
        return {"architecture": model}
    source = architecture.paper.partition("),")[0] + ")"
    error = f"“{architecture.published_error}”, {source}" if architecture.published_error else None
    return {
        "architecture": architecture.title,
        "year": architecture.year,
        "paper": architecture.paper,
        "published_error": error,
    }


def _full_size(architecture: Architecture | None, counts: dict[str, Counts]) -> dict[str, Any]:
    if architecture is None:
        return {}
    found = _fields(counts.get(architecture.name), "parameters", "macs", "weight_layers", "depth")
    claimed = {"full_parameters_claimed": architecture.claimed_parameters}
    return {f"full_{key}": value for key, value in found.items()} | claimed


def _fields(counts: Counts | None, *names: str) -> dict[str, Any]:
    return {name: counts.whole(name) if counts else None for name in names}


def _settings(group: list[Record]) -> str | None:
    """The settings that differ between backends, by mode; once where both modes differ alike."""
    if all(record.outcome != "ok" for record in group):
        return None
    notes = {mode: settings_differences(record for record in group if record.case.mode == mode) for mode in TIMED}
    said = {mode: note for mode, note in notes.items() if note}
    if len(said) == 2 and said["train"] == said["infer"]:
        return said["train"]
    return " | ".join(f"{mode}: {note}" for mode, note in said.items()) or "alike"


def _absence(row: _Row, figure: str, mode: Mode, backend: Backend) -> Absence | None:
    record = row.of(mode, backend)
    if record is None:
        return Absence("not in this run", "no such case was planned for a model of this size")
    if record.outcome != "ok":
        return Absence(record.outcome, record.reason)
    if figure in record.not_measured:
        return Absence("not measured", record.not_measured[figure])
    return None
