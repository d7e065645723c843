"""Every case of the runs and what came of it: figures, phases, counted models, and the failures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Phases
from anatomy.reports.caveats import DEVIATES, Mark, marks_of, marks_of_use
from anatomy.reports.deviation import deviations
from anatomy.reports.flops_utilisation import Peak
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import MEBI, Absence, Column, Link, Table, make_frame
from anatomy.reports.tables.telemetry_table import mean_utilisation, why_no_utilisation
from anatomy.reports.tables.trust_table import spread
from anatomy.reports.tables.utilisation_table import uses

_NONE = "–"
_TOO_FEW = "too few"
_PHASES = {
    "import_s": "import, shared",
    "start_s": "start",
    "build_s": "build",
    "compile_s": "compile",
    "warmup_s": "warm-up",
    "measure_s": "measure",
}
assert set(_PHASES) == set(Phases.model_fields)
_TIMES = ("throughput_examples_per_s", "step_median_s", "step_p90_s", "step_p99_s", "step_min_s")
# Columns that are fields of a record by the same name.
_OF_RECORD = {*Record.model_fields, *Record.model_computed_fields} - {"settings", "versions", "reason"}


def _bytes(key: str, head: str) -> Column:
    return Column(key, head, "MiB", "number", 1 / MEBI, group="memory peak")


_CASE = (
    Column("model", "model"),
    Column("mode", "mode", group="case"),
    Column("backend", "backend", group="case"),
    Column("batch_size", "batch", kind="number", whole=True, group="case"),
    Column("dtype", "dtype", group="case"),
    Column("jit", "jit asked", group="case"),
    Column("devices", "devices", kind="number", whole=True, group="case"),
    Column("outcome", "outcome", kind="outcome", group="case"),
)
_FIGURES = (
    Column("throughput_examples_per_s", "throughput", "examples/s", "number", group="figures"),
    Column("throughput_spread", "± 95 %", "%", "number", 100, group="figures", missing=_TOO_FEW),
    Column("step_median_s", "step median", "ms", "number", 1e3, group="figures"),
    Column("step_spread", "± 95 %", "%", "number", 100, group="figures", missing=_TOO_FEW),
    *(Column(f"step_{what}_s", f"step {what}", "ms", "number", 1e3, group="figures") for what in ("p90", "p99", "min")),
    Column("mfu", "MFU", "%", "number", 100, group="figures"),
    Column("deviation", "deviation", "ppm", "number", 1e6, group="figures", missing=_NONE),
    _bytes("peak_host_bytes", "host"),
    _bytes("peak_host_above_base_bytes", "host above base"),
    _bytes("peak_device_bytes", "device"),
    Column("cpu_cores_used", "CPU cores used", kind="number", group="use"),
    Column("gpu_utilisation", "GPU use", "%", "number", 100, group="use"),
    Column("reason", "reason", missing=_NONE),
)
_INSIDE = (
    *(Column(key, head, "s", "number", group="phases") for key, head in _PHASES.items()),
    Column("steps", "synchronised", kind="number", whole=True, group="steps timed"),
    Column("block_steps", "pipelined", kind="number", whole=True, group="steps timed"),
    Column("loss_first", "first", kind="number", group="loss", missing=_NONE),
    Column("loss_last", "last", kind="number", group="loss", missing=_NONE),
    Column("settings", "settings in effect", missing=_NONE),
    Column("versions", "versions", missing=_NONE),
)
_MEASURED = {column.key for column in _FIGURES if column.group in ("figures", "memory peak", "use", "loss")}
_COUNTS = (
    Column("model", "model"),
    Column("outcome", "outcome", kind="outcome"),
    *(
        Column(key, head, kind="number", whole=True)
        for key, head in (
            ("parameters", "parameters"),
            ("trainable_parameters", "trainable"),
            ("macs", "MACs"),
            ("flops", "FLOPs"),
            ("units", "units"),
            ("weight_layers", "layers with weights"),
            ("depth", "depth"),
        )
    ),
    Column("activation_bytes", "activations", "MiB", "number", 1 / MEBI),
    Column("input_shape", "input", missing=_NONE),
    Column("output_shape", "output", missing=_NONE),
    Column("uncounted", "layers not counted", missing="none"),
    Column("reason", "reason", missing=_NONE),
)
_FAILURES = (*(replace(column, group="") for column in _CASE), Column("reason", "reason", missing="none given"))


def case_table(runs: Sequence[LabelledRun], peak: Peak | None = None) -> Table:
    """Every timed case, measured or not, in the run's order."""
    chosen = [(item, record) for item in runs for record in item.run.records if _timed(record)]
    used = {(item.label, record.key): use for item in runs for record, use in uses(item, peak)}
    deviating = {(item.label, key): one for item in runs for key, one in deviations(item.run.records).items()}
    table = _table(
        runs,
        _timed,
        _case_row,
        (*_CASE, *_FIGURES),
        key="cases",
        title="Every case",
        caption="Every case that was tried, with its figures, or its reason.",
        notes=(
            "± 95 %: half the width of the 95 % interval over the figure; within the process where a case had one, "
            "between processes where it had several. p99 needs 100 steps. MFU: see How close to "
            "the limit. Deviation of the outputs from the reference's: see Same function.",
            *_script_note(chosen),
        ),
        empty="No case was timed.",
    )
    absent = dict(table.absent)
    marks: dict[tuple[int, str], tuple[Mark, ...]] = {}
    links: dict[tuple[int, str], Link] = {}
    for row, (item, record) in enumerate(chosen):
        use, one = used.get((item.label, record.key)), deviating.get((item.label, record.key))
        table.frame.loc[row, "mfu"] = use.mfu if use and use.mfu is not None else pd.NA
        table.frame.loc[row, "deviation"] = one.deviation if one and one.deviation is not None else pd.NA
        if use and use.reason:
            absent[row, "mfu"] = Absence("not measured", use.reason)
        if one and one.deviation is None:
            absent[row, "deviation"] = Absence("not comparable" if one.reason else "reference", one.reason)
        marks |= {(row, key): marks_of(record) for key in _TIMES}
        marks[row, "mfu"] = marks_of_use(record, use)["mfu"] if use else ()
        if one and one.verdict == "deviates":
            marks[row, "deviation"] = (DEVIATES,)
        if script := item.script(record):
            links |= {(row, key): script for key in ("throughput_examples_per_s", "step_median_s")}
    return replace(table, absent=absent, marks=marks, links=links)


def phase_table(runs: Sequence[LabelledRun]) -> Table:
    """Every timed case: where its time went, and what was in effect."""
    return _table(
        runs,
        _timed,
        _case_row,
        (*_CASE, *_INSIDE),
        key="phases",
        title="Phases and settings of every case",
        caption="Phases of every case that was tried, and the settings in effect.",
        notes=(
            "Import happens once for each backend and is shared by its cases. Settings are those in effect, not as "
            "asked.",
        ),
        empty="No case was timed.",
    )


def _script_note(chosen: Sequence[tuple[LabelledRun, Record]]) -> tuple[str, ...]:
    linked = any(item.script(record) for item, record in chosen)
    return ("A figure that is a link leads to the script that reproduces it without Anatomy.",) if linked else ()


def count_table(runs: Sequence[LabelledRun]) -> Table:
    """Every model that was counted and not run."""
    return _table(
        runs,
        lambda record: record.case.mode == "count",
        _count_row,
        _COUNTS,
        key="counts",
        title="Models counted without running",
        caption="Sizes of models that were counted only, most at the size of their papers.",
        notes=(
            "MACs are those of convolution, dense and recurrent kernels for one example, forward; FLOPs are twice "
            "that. Where layers could not be counted, MACs are a lower bound.",
        ),
        empty="No model was counted without running it.",
    )


def failure_table(runs: Sequence[LabelledRun]) -> Table:
    """Every case without a result, with its reason."""
    return _table(
        runs,
        lambda record: record.outcome != "ok",
        _case_row,
        _FAILURES,
        key="failures",
        title="Cases without a result",
        caption="Cases that were tried and gave no figure, and why.",
        notes=(),
        empty="Every case that was tried gave a result.",
    )


def _table(
    runs: Sequence[LabelledRun],
    wanted: Callable[[Record], bool],
    row: Callable[[Record], dict[str, Any]],
    columns: tuple[Column, ...],
    *,
    key: str,
    title: str,
    caption: str,
    notes: tuple[str, ...],
    empty: str,
) -> Table:
    chosen = [(item.label, record) for item in runs for record in item.run.records if wanted(record)]
    shown = with_run(columns, runs)
    absent = {
        (number, column.key): why
        for number, (_, record) in enumerate(chosen)
        for column in columns
        if (why := _absence(record, column.key))
    }
    rows = [{"run": label, **row(record)} for label, record in chosen]
    return Table(key, title, caption, shown, make_frame(rows, shown), absent, notes, empty)


def _timed(record: Record) -> bool:
    return record.case.mode != "count"


def _case_row(record: Record) -> dict[str, Any]:
    case = record.case
    return {
        "model": model_text(case.model, case.options),
        **case.model_dump(include={"backend", "batch_size", "dtype", "jit", "devices"}),
        "mode": case.mode if case.feed == "numpy" else f"{case.mode} from {case.feed}",
        "outcome": record.outcome,
        "reason": record.reason or None,
        **(_figures(record) if record.outcome == "ok" else {}),
        **record.phases.model_dump(),
        "settings": _pairs(record.settings),
        "versions": _pairs(record.versions),
    }


def _figures(record: Record) -> dict[str, Any]:
    """Of a case that was measured; what an invalid one left is in the record, and in no table."""
    return {
        **{c.key: getattr(record, c.key) for c in (*_FIGURES, *_INSIDE) if c.key in _OF_RECORD},
        "throughput_spread": spread(record.throughput_interval_examples_per_s, record.throughput_examples_per_s),
        "step_spread": spread(record.step_interval_s, record.step_median_s),
        "steps": len(record.step_s) or None,
        "block_steps": sum(block.steps for block in record.blocks) or None,
        "gpu_utilisation": mean_utilisation(record),
    }


def _count_row(record: Record) -> dict[str, Any]:
    counts = record.counts.model_dump() if record.counts else {}
    for name in ("input_shape", "output_shape"):
        if name in counts:
            counts[name] = _shape(counts[name])
    uncounted = ", ".join(counts.pop("uncounted", [])) or None
    return {
        "model": model_text(record.case.model, record.case.options),
        "outcome": record.outcome,
        "reason": record.reason or None,
        **counts,
        "uncounted": uncounted,
    }


def _absence(record: Record, key: str) -> Absence | None:
    if key == "step_p99_s" and record.step_s:
        return Absence("under 100 steps")
    if record.outcome != "ok" and key in _MEASURED:
        return Absence(record.outcome, record.reason)
    if key == "gpu_utilisation":
        return Absence("not measured", why) if (why := why_no_utilisation(record)) else None
    field = "step_s" if key.startswith("step_") else key
    return Absence("not measured", record.not_measured[field]) if field in record.not_measured else None


def _pairs(values: dict[str, Any]) -> str | None:
    said = {name: value for name, value in values.items() if value is not None}
    return ", ".join(f"{name} {_plain(value)}" for name, value in said.items()) or None


def _plain(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _shape(shape: Any) -> str:
    """`224×224×3`; several shapes are joined by commas, an open axis is `?`."""
    if isinstance(shape, dict):
        return ", ".join(f"{name} {_shape(part)}" for name, part in shape.items())
    if isinstance(shape, list) and any(isinstance(part, list) for part in shape):
        return ", ".join(_shape(part) for part in shape)
    if isinstance(shape, list):
        return "×".join("?" if side is None else str(side) for side in shape)
    return str(shape)
