"""Every case of the runs and its result: figures, phases, counted models, and the failures alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from anatomy.bench.records.caveats import DEVIATES, Caveat
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import OF_EVERY_LAYER, Phases
from anatomy.bench.records.shape_text import shape_text
from anatomy.bench.records.sureness import Figure, median_step, throughput
from anatomy.reports.answers.backend_race import precision_of
from anatomy.reports.caveat_signs import utilisation_caveats
from anatomy.reports.deviation import Deviation, run_deviations
from anatomy.reports.flops_utilisation import Peak, Utilisation
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, labelled_records, with_run
from anatomy.reports.table import MEBI, Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells, spread_column
from anatomy.reports.tables.telemetry_table import mean_utilisation, why_no_utilisation
from anatomy.reports.tables.utilisation_table import utilisations

_NONE = "–"
_PAGES = "anatomy report RUN --site DIR writes a page for each case: raw steps, both clocks, settings, log."
_PHASES = {
    "import_s": "import, shared",
    "start_s": "start",
    "build_s": "build",
    "compile_s": "compile",
    "warmup_s": "warm-up",
    "measure_s": "measure",
}
assert set(_PHASES) == set(Phases.model_fields)
# Of the same steps as the median, and as weak.
_OF_STEPS = ("step_p90_s", "step_p99_s", "step_min_s")
# Columns that are fields of a record by the same name.
_OF_RECORD = {*Record.model_fields, *Record.model_computed_fields} - {"settings", "versions", "reason"}


def _bytes(key: str, head: str) -> Column:
    return Column(key, head, "MiB", "number", 1 / MEBI, group="memory peak")


_CASE = (
    *CASE_COLUMNS,
    Column("dtype", "dtype policy", group="case"),
    Column("jit", "jit asked", group="case"),
    Column("devices", "devices", kind="number", whole=True, group="case"),
    Column("outcome", "outcome", kind="outcome", group="case"),
)
_FIGURES = (
    Column("precision", "products in", group="case", missing=_NONE),
    Column("throughput_examples_per_s", "throughput", "examples/s", "number", group="figures"),
    spread_column("throughput_spread", "throughput_examples_per_s", "throughput, 95 %", group="figures"),
    Column("step_median_s", "step median", "ms", "number", 1e3, group="figures"),
    spread_column("step_spread", "step_median_s", "step, 95 %", group="figures"),
    *(Column(f"step_{what}_s", f"step {what}", "ms", "number", 1e3, group="figures") for what in ("p90", "p99", "min")),
    Column("mfu", "MFU", "%", "number", 100, group="figures", digits=2),
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
_FIGURES_OF_RECORD = [column.key for column in _FIGURES if column.key in _OF_RECORD]
_INSIDE_OF_RECORD = [column.key for column in _INSIDE if column.key in _OF_RECORD]
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
_CASE_DETAILS = (
    "jit",
    "devices",
    "step_spread",
    "step_p90_s",
    "step_p99_s",
    "step_min_s",
    "deviation",
    "peak_host_bytes",
    "peak_device_bytes",
    "cpu_cores_used",
    "gpu_utilisation",
    "reason",
)
_PHASE_DETAILS = ("dtype", "jit", "devices", "import_s", "steps", "block_steps", "settings", "versions")
_COUNT_DETAILS = ("trainable_parameters", "flops", "units", "input_shape", "output_shape", "reason")
_FAILURES = (*(replace(column, group="") for column in _CASE), Column("reason", "reason", missing="none given"))


class _Judged(NamedTuple):
    """A timed case, with what other tables say of it."""

    labelled: LabelledRecord
    use: Utilisation | None
    deviation: Deviation | None


def case_table(runs: Sequence[LabelledRun], peak: Peak | None = None) -> Table:
    """Every timed case, measured or not, in the run's order."""
    chosen = labelled_records(runs, _is_timed)
    used = {(item.label, record.key): use for item in runs for record, use in item.once(utilisations, peak)}
    deviating = {(item.label, key): one for item in runs for key, one in item.once(run_deviations).items()}
    keys = [(item.label, record.key) for item, record in chosen]
    judged = [_Judged(one, used.get(key), deviating.get(key)) for one, key in zip(chosen, keys, strict=True)]
    linked = any(item.script(record) for item, record in chosen)
    table = build_table(
        with_run(with_details((*_CASE, *_FIGURES), *_CASE_DETAILS), runs),
        judged,
        _judged_cells,
        _judged_absence,
        _judged_caveats,
        figures=lambda row: _times(row.labelled.record),
        case=lambda row: row.labelled.case_id,
        key="cases",
        title="Every case",
        caption="Every case that was tried, with its figures, or its reason.",
        notes=(
            "95 %: half the width of the interval over the figure (±), or its ends where ± would misplace them; within "
            "the process where a case had one, between processes where it had several. p99 needs 100 steps. MFU: see "
            "How close to the limit. Deviation of the outputs from the reference's: see Same function.",
            *([] if any(item.paged for item in runs) else [_PAGES]),
            *(["A figure that is a link leads to the script that reproduces it without Anatomy."] if linked else []),
        ),
        empty="No case was timed.",
    )
    links = {
        (row, key): script
        for row, (item, record) in enumerate(chosen)
        if (script := item.script(record))
        for key in ("throughput_examples_per_s", "step_median_s")
    }
    pages = {(row, "model"): page for row, (item, record) in enumerate(chosen) if (page := item.page(record))}
    return replace(table, links=links | pages)


def phase_table(runs: Sequence[LabelledRun]) -> Table:
    """Every timed case: where its time went, and the settings in effect."""
    return build_table(
        with_run(with_details((*_CASE, *_INSIDE), *_PHASE_DETAILS), runs),
        labelled_records(runs, _is_timed),
        _PhaseCells().of,
        _absence,
        case=lambda labelled: labelled.case_id,
        key="phases",
        title="Phases and settings of every case",
        caption="Phases of every case that was tried, and the settings in effect.",
        notes=(
            "Import happens once for each backend and is shared by its cases. Settings are those in effect, not as "
            "asked.",
        ),
        empty="No case was timed.",
    )


def count_table(runs: Sequence[LabelledRun]) -> Table:
    """Every model that was counted and not run."""
    return build_table(
        with_run(with_details(_COUNTS, *_COUNT_DETAILS), runs),
        labelled_records(runs, lambda record: record.case.mode == "count"),
        _count_cells,
        _absence,
        case=lambda labelled: labelled.case_id,
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
    return build_table(
        with_run(_FAILURES, runs),
        labelled_records(runs, lambda record: record.outcome != "ok"),
        _timed_cells,
        _absence,
        case=lambda labelled: labelled.case_id,
        key="failures",
        title="Cases without a result",
        caption="Cases that were tried and gave no figure, and why.",
        empty="Every case that was tried gave a result.",
    )


def _is_timed(record: Record) -> bool:
    return record.case.mode != "count"


def _judged_cells(row: _Judged) -> dict[str, Any]:
    record = row.labelled.record
    return {
        **_timed_cells(row.labelled),
        **(_figures(record) if record.outcome == "ok" else {}),
        "mfu": row.use.mfu if row.use else None,
        "deviation": row.deviation.deviation if row.deviation else None,
    }


def _judged_absence(row: _Judged, key: str) -> Absence | None:
    if key == "mfu" and row.use and row.use.reason:
        return Absence("not measured", row.use.reason)
    if key == "deviation" and row.deviation and row.deviation.deviation is None:
        return Absence("not comparable" if row.deviation.reason else "reference", row.deviation.reason)
    return _absence(row.labelled, key)


def _judged_caveats(row: _Judged) -> dict[str, tuple[Caveat, ...]]:
    record = row.labelled.record
    return {
        **dict.fromkeys(_OF_STEPS, median_step(record).caveats),
        "mfu": utilisation_caveats(record, row.use)["mfu"] if row.use else (),
        "deviation": (DEVIATES,) if row.deviation and row.deviation.verdict == "deviates" else (),
    }


def _times(record: Record) -> dict[str, Figure]:
    return {"throughput_examples_per_s": throughput(record), "step_median_s": median_step(record)}


def _timed_cells(labelled: LabelledRecord) -> dict[str, Any]:
    """Cells of a case; figures of an invalid case stay in the record and come into no table."""
    record = labelled.record
    case = record.case
    return {
        **case_cells(labelled),
        "mode": case.mode if case.feed_name == "numpy" else f"{case.mode} from {case.feed_name}",
        "reason": record.reason or None,
    }


def _figures(record: Record) -> dict[str, Any]:
    return {
        **{key: getattr(record, key) for key in _FIGURES_OF_RECORD},
        "precision": precision_of(record),
        "throughput_spread": throughput(record).spread,
        "step_spread": median_step(record).spread,
        "gpu_utilisation": mean_utilisation(record),
    }


class _PhaseCells:
    """The cells of the table of phases; of settings that thousands of records share the text is made once."""

    def __init__(self) -> None:
        self._texts: dict[int, str | None] = {}

    def of(self, labelled: LabelledRecord) -> dict[str, Any]:
        """The cells of a record."""
        record = labelled.record
        steps = {
            **{key: getattr(record, key) for key in _INSIDE_OF_RECORD},
            "steps": len(record.step_s) or None,
            "block_steps": sum(block.steps for block in record.blocks) or None,
        }
        return {
            **_timed_cells(labelled),
            **(steps if record.outcome == "ok" else {}),
            **record.phases.__dict__,
            "settings": self._text(record.settings),
            "versions": self._text(record.versions),
        }

    def _text(self, values: dict[str, Any]) -> str | None:
        # The records hold the dictionaries as long as the table is made.
        if id(values) not in self._texts:
            self._texts[id(values)] = _pairs(values)
        return self._texts[id(values)]


def _count_cells(labelled: LabelledRecord) -> dict[str, Any]:
    counts = labelled.record.counts.model_dump() if labelled.record.counts else {}
    return {
        **case_cells(labelled),
        **counts,
        **{name: labelled.record.counts.whole(name) for name in OF_EVERY_LAYER if labelled.record.counts},
        **{name: shape_text(counts[name]) for name in ("input_shape", "output_shape") if name in counts},
        "reason": labelled.record.reason or None,
        "uncounted": ", ".join(counts.get("uncounted", [])) or None,
    }


def _absence(labelled: LabelledRecord, key: str) -> Absence | None:
    record = labelled.record
    if key == "step_p99_s" and record.step_s:
        return Absence("under 100 steps")
    if record.outcome != "ok" and key in _MEASURED:
        return Absence(record.outcome, record.reason)
    if key == "gpu_utilisation":
        return Absence("not measured", why) if (why := why_no_utilisation(record)) else None
    field = "step_s" if key.startswith("step_") else key
    return Absence("not measured", record.not_measured[field]) if field in record.not_measured else None


def _pairs(values: dict[str, Any]) -> str | None:
    """`jit on, threads 2`; `None` where there is no value."""
    return ", ".join(f"{name} {_plain(value)}" for name, value in values.items() if value is not None) or None


def _plain(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
