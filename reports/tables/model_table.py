"""Comparison of models: a row for each model that was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.batch_sizes import fastest
from anatomy.bench.records.case import BACKENDS, Backend, Mode
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts
from anatomy.bench.records.sureness import Figure, median_step, throughput
from anatomy.reports.model_labels import case_text
from anatomy.reports.number_words import some
from anatomy.reports.run_labels import LabelledRun, labelled_records, with_run
from anatomy.reports.settings_differences import comparable_records, incomparable_models, settings_differences
from anatomy.reports.table import MEBI, Absence, Column, Table, build_table

TIMED: tuple[Mode, ...] = ("train", "infer")

_MODEL = Column("model", "model")
_MEASURED = (
    Column("batch_size", "batch", kind="number", whole=True, group="as measured"),
    Column("dtype", "dtype", group="as measured", detail=True),
    Column("parameters", "parameters", kind="number", whole=True, group="as measured"),
    Column("macs", "MACs", kind="number", whole=True, group="as measured", detail=True),
    Column("weight_layers", "layers with weights", kind="number", whole=True, group="as measured", detail=True),
    Column("activation_bytes", "activations", "MiB", "number", 1 / MEBI, group="as measured", detail=True),
)
_SETTINGS = Column("settings", "unlike settings", missing="–", detail=True)
# Attribute of the record, heading of the group, unit, scale.
_FIGURES = (
    ("throughput_examples_per_s", "throughput", "examples/s", 1.0),
    ("step_median_s", "step latency, median", "ms", 1e3),
    ("peak_host_above_base_bytes", "host memory peak above base", "MiB", 1 / MEBI),
    ("peak_device_bytes", "device memory peak", "MiB", 1 / MEBI),
)
# Figures of time, each with its interval and caveats.
_OF_TIME: dict[str, Callable[[Record], Figure]] = {
    "throughput_examples_per_s": throughput,
    "step_median_s": median_step,
}

# Of figures whose interval the table has no column for.
_DIGITS = 3
# What a row of the page has room for; latency and memory are in the charts, and a click away.
_ON_THE_PAGE = ("throughput_examples_per_s",)

NOTES = (
    "MACs and activations are those of one example, forward.",
    "Throughput: batch size over the median time of a step in pipelined blocks. Latency: median of synchronised "
    "steps. The two are different measurements and do not convert into each other.",
    "Memory: highest resident memory of the worker process, less what it held before the model was built.",
    "Settings: what was in effect on one backend and not on another; such figures compare configurations, not "
    "backends alone.",
)


class _Row(NamedTuple):
    """A row of the table: records of a run that differ in mode and backend only."""

    label: str
    records: list[Record]

    def of(self, mode: Mode, backend: Backend) -> Record | None:
        """The record of a mode and backend; `None` where the run has none."""
        return next((r for r in self.records if (r.case.mode, r.case.backend) == (mode, backend)), None)


def model_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each model, batch size, dtype, jit and number of devices of each run."""
    shown = _shown_figures(runs)
    by_key = {column.key: figure for figure, column in shown.items()}
    return build_table(
        with_run((_MODEL, *_MEASURED, *shown.values(), _SETTINGS), runs),
        [_Row(item.label, group) for item in runs for group in _groups(item)],
        lambda row: _cells(row, shown),
        absence=lambda row, key: _absence(row, *by_key[key]) if key in by_key else None,
        figures=lambda row: {
            column.key: _OF_TIME[figure](record)
            for (figure, mode, backend), column in shown.items()
            if figure in _OF_TIME and (record := row.of(mode, backend))
        },
        case=lambda row: (row.label, fastest(row.records).key),
        key="models",
        title="Model comparison",
        caption="Every model of the run: its size, and what was measured on each backend.",
        notes=(*NOTES, *_split_note(runs)),
        empty="No model was measured.",
    )


def _groups(item: LabelledRun) -> list[list[Record]]:
    """Timed records of a run that differ only in mode and backend, and whose models have as many parameters."""
    timed = [record for record in item.run.records if record.case.mode in TIMED]
    return list(comparable_records(timed, mode="train", backend="tensorflow").values())


def _split_note(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """A note on the models that have several rows, since the backends built models of unlike sizes."""
    found = [text for item in runs for text in item.once(incomparable_models)]
    return (f"In rows of their own, since the models are not the same: {some(found)}.",) if found else ()


def _shown_figures(runs: Sequence[LabelledRun]) -> dict[tuple[str, Mode, Backend], Column]:
    """The columns of figures: every mode and backend of the runs, and device memory where there is any."""
    records = [record for _, record in labelled_records(runs)]
    pairs = {(record.case.mode, record.case.backend) for record in records}
    return {
        (figure, mode, backend): Column(
            f"{mode}_{backend}_{figure}",
            f"{mode} {backend}",
            unit,
            "number",
            scale,
            group=f"{group} [{unit}]",
            detail=figure not in _ON_THE_PAGE,
            digits=_DIGITS,
        )
        for figure, group, unit, scale in _FIGURES
        if figure != "peak_device_bytes" or any(record.peak_device_bytes is not None for record in records)
        for mode in TIMED
        for backend in BACKENDS
        if (mode, backend) in pairs
    }


def _cells(row: _Row, shown: dict[tuple[str, Mode, Backend], Column]) -> dict[str, Any]:
    case = row.records[0].case
    own = next((record.counts for record in row.records if record.counts), None)
    return {
        "run": row.label,
        "model": case_text(case),
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
