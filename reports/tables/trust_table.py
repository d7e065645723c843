"""How far each figure can be trusted: interval, series, clock, recompilations, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.case import LOOPS
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import ClockCheck
from anatomy.reports.caveats import ALL_MARKS, CLOCKS, NOT_SETTLED, RECOMPILED, SHORT, legend, marks_of
from anatomy.reports.model_labels import model_text
from anatomy.reports.number_words import count
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Absence, Column, Table, make_frame

_COLUMNS = (
    Column("model", "model"),
    Column("mode", "mode", group="case"),
    Column("backend", "backend", group="case"),
    Column("batch_size", "batch", kind="number", whole=True, group="case"),
    Column("flags", "mind", missing="–"),
    Column("step_spread", "median step", "± %", "number", 100, group="95 % interval", missing="too few"),
    Column("throughput_spread", "throughput", "± %", "number", 100, group="95 % interval", missing="too few"),
    Column("processes", "processes", kind="number", whole=True, group="95 % interval"),
    Column("series", "series", group="steps", missing="not classed"),
    Column("change_points", "change points", kind="number", whole=True, group="steps"),
    Column("last_over_first", "last / first level", kind="number", group="steps", missing="–"),
    Column("warmup_steps", "warm-up", kind="number", whole=True, group="steps"),
    Column("steps", "timed", kind="number", whole=True, group="steps"),
    Column("recompilations", "recompilations", kind="number", whole=True, group="steps"),
    Column("clock", "clocks", group="clock", missing="not checked"),
    Column("slope_ratio", "pipelined / synchronised", kind="number", group="clock"),
    Column("clock_reason", "remark", group="clock", missing="–"),
    Column("checks", "checks", missing="none"),
)

_EPOCHS = "a few whole epochs of Keras's loop are timed, from outside"
_OF_A_LOOP = {
    "series": Absence("not classed", _EPOCHS),
    "change_points": Absence("not classed", _EPOCHS),
    "last_over_first": Absence("not classed", _EPOCHS),
    "steps": Absence("epochs", _EPOCHS),
    "step_spread": Absence("epochs", _EPOCHS),
    "recompilations": Absence("not counted", _EPOCHS),
    "clock": Absence("one clock", _EPOCHS),
    "slope_ratio": Absence("one clock", _EPOCHS),
}


def trust_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each case that was measured, of the compiled step or of Keras's own loop."""
    columns = with_run(_COLUMNS, runs)
    chosen = [
        (item.label, record)
        for item in runs
        for record in item.run.records
        if record.case.mode != "count" and record.outcome == "ok"
    ]
    return Table(
        key="trust",
        title="How far the figures can be trusted",
        caption="Intervals, and what was checked while each case was measured.",
        columns=columns,
        frame=make_frame([{"run": label, **_row(record)} for label, record in chosen], columns),
        absent={
            (number, key): absence
            for number, (_, record) in enumerate(chosen)
            if record.case.mode in LOOPS
            for key, absence in _OF_A_LOOP.items()
        },
        notes=(
            "Half the width of the 95 % interval over the figure. Within one process it allows for the "
            "autocorrelation of the steps and says nothing of the next process; with several processes it comes from "
            "their variation.",
            "Series: settled; drifting (it became faster, warm-up had not ended); slowing; never settled; short (too "
            "few steps to say). Clocks: pipelined blocks of N and 2N steps against synchronised steps; overlaps: the "
            "pipeline hides the host's part of a step, or steps run at once.",
            "Of fit and predict a few whole epochs are timed, from outside: they are not classed, have one clock, and "
            "what is compiled inside them is not counted. Their checks are those of the losses, weights and outputs.",
            "Marks behind the figures of other tables and in the charts: " + legend(ALL_MARKS) + ".",
            "A case whose checks fail is invalid: its figures are in no table.",
        ),
        empty="No case was measured.",
    )


def flags(record: Record) -> str | None:
    """What a reader of this case's figures should mind; null when nothing."""
    found: list[str] = []
    marks = marks_of(record)
    if NOT_SETTLED in marks and record.series is not None:
        found.append(f"{NOT_SETTLED.sign} {record.series.label}")
    if SHORT in marks:
        found.append(f"{SHORT.sign} too few steps to class")
    if RECOMPILED in marks and record.recompilations:
        found.append(f"{RECOMPILED.sign} {count(record.recompilations, 'recompilation')}")
    if CLOCKS in marks and record.clock is not None:
        why = f" ({record.clock.reason})" if record.clock.reason else ""
        found.append(f"{CLOCKS.sign} clocks not checked{why}")
    if record.warmup_settled is False:
        found.append("warm-up ended by its budget")
    found += [name + " not checked" for name, result in record.checks.items() if result != "passed"]
    return ", ".join(found) or None


def _row(record: Record) -> dict[str, Any]:
    clock = record.clock
    ratio = clock.slope_s / clock.synchronised_s if clock and clock.slope_s and clock.synchronised_s else None
    return {
        "model": model_text(record.case.model, record.case.options),
        **record.case.model_dump(include={"mode", "backend", "batch_size"}),
        "flags": flags(record),
        "step_spread": spread(record.step_interval_s, record.step_median_s),
        "throughput_spread": spread(record.throughput_interval_examples_per_s, record.throughput_examples_per_s),
        "processes": max(1, len(record.process_throughputs)),
        "series": record.series.label if record.series else None,
        "change_points": len(record.series.change_points) if record.series else None,
        "last_over_first": record.series.last_over_first if record.series else None,
        "warmup_steps": record.warmup_steps,
        "steps": len(record.step_s) or None,
        "recompilations": record.recompilations,
        "clock": clock.verdict if clock else None,
        "slope_ratio": ratio,
        "clock_reason": _remark(clock),
        "checks": ", ".join(f"{name}: {result}" for name, result in record.checks.items()) or None,
    }


def _remark(clock: ClockCheck | None) -> str | None:
    """What the clocks' check said, in either window."""
    if clock is None:
        return None
    again = f"measured twice; the first time {clock.earlier}" if clock.earlier else ""
    return "; ".join(part for part in (clock.reason, again) if part) or None


def spread(interval: tuple[float, float] | None, value: float | None) -> float | None:
    """Half the interval's width over the figure."""
    return (interval[1] - interval[0]) / 2 / value if interval and value else None
