"""Every case of the runs and what came of it: timed cases, counted models, and the failures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from anatomy.bench.record import Phases, Record
from anatomy.reports.labels import LabelledRun, with_run
from anatomy.reports.subjects import model_text
from anatomy.reports.table import MEBI, Absence, Column, Table, make_frame

_NONE = "–"
_PHASES = {
    "import_s": "import, shared",
    "start_s": "start",
    "build_s": "build",
    "compile_s": "compile",
    "warmup_s": "warm-up",
    "measure_s": "measure",
}
assert set(_PHASES) == set(Phases.model_fields)


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
    *(
        Column(f"step_{what}_s", f"step {what}", "ms", "number", 1e3, group="figures")
        for what in ("median", "p90", "p99", "min")
    ),
    Column("steps", "steps timed", kind="number", whole=True, group="figures"),
    Column("block_steps", "pipelined steps", kind="number", whole=True, group="figures"),
    _bytes("peak_host_bytes", "host"),
    _bytes("peak_host_above_base_bytes", "host above base"),
    _bytes("peak_device_bytes", "device"),
    Column("cpu_cores_used", "CPU cores used", kind="number", group="use"),
    Column("gpu_utilisation", "GPU use", "%", "number", 100, group="use"),
    *(Column(key, head, "s", "number", group="phases") for key, head in _PHASES.items()),
    Column("loss_first", "first", kind="number", group="loss", missing=_NONE),
    Column("loss_last", "last", kind="number", group="loss", missing=_NONE),
    Column("settings", "settings in effect", missing=_NONE),
    Column("versions", "versions", missing=_NONE),
    Column("reason", "reason", missing=_NONE),
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


def case_table(runs: Sequence[LabelledRun]) -> Table:
    """Every timed case, measured or not, in the run's order."""
    return _table(
        runs,
        _timed,
        _case_row,
        (*_CASE, *_FIGURES),
        key="cases",
        title="Every case",
        caption="Every case that was tried, with its figures, phases and the settings in effect, or its reason.",
        notes=(
            "p99 needs 100 steps. Import happens once for each backend and is shared by its cases. Settings are "
            "those in effect, not as asked.",
        ),
        empty="No case was timed.",
    )


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
        **case.model_dump(include={"mode", "backend", "batch_size", "dtype", "jit", "devices"}),
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
        **{column.key: getattr(record, column.key) for column in _FIGURES if hasattr(record, column.key)},
        "steps": len(record.step_s) or None,
        "block_steps": sum(block.steps for block in record.blocks) or None,
        "gpu_utilisation": _gpu_use(record),
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
    field = "gpu" if key == "gpu_utilisation" else key
    return Absence("not measured", record.not_measured[field]) if field in record.not_measured else None


def _gpu_use(record: Record) -> float | None:
    """Mean use of the devices, 0…1."""
    return sum(gpu.utilisation for gpu in record.gpu) / len(record.gpu) if record.gpu else None


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
