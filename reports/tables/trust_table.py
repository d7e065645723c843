"""How far each figure can be trusted: interval, series, clock, recompilations, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.case import LOOPS
from anatomy.bench.records.caveats import (
    CLOCKS,
    DISTURBED,
    NOT_SETTLED,
    OTHERS,
    RECOMPILED,
    SHORT,
    STOLEN,
    UNSURE,
    caveats_of,
    others_share,
)
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import ClockCheck
from anatomy.bench.records.sureness import Figure, median_step, throughput, weaknesses
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, labelled_records, with_run
from anatomy.reports.table import Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells, spread_column

_COLUMNS = with_details(
    (
        *CASE_COLUMNS,
        Column("flags", "mind", missing="–"),
        spread_column("step_spread", "step_median_s", "median step", group="95 % interval"),
        spread_column("throughput_spread", "throughput_examples_per_s", "throughput", group="95 % interval"),
        Column("processes", "processes", kind="number", whole=True, group="95 % interval"),
        Column("series", "series", group="steps", missing="not classed"),
        Column("change_points", "change points", kind="number", whole=True, group="steps"),
        Column("last_over_first", "last / first level", kind="number", group="steps", missing="–", digits=3),
        Column("warmup_steps", "warm-up", kind="number", whole=True, group="steps"),
        Column("steps", "timed", kind="number", whole=True, group="steps"),
        Column("recompilations", "recompilations", kind="number", whole=True, group="steps"),
        Column("clock", "clocks", group="clock", missing="not checked"),
        Column("slope_ratio", "pipelined / synchronised", kind="number", group="clock", digits=3),
        Column("clock_reason", "remark", group="clock", missing="–"),
        Column("others_cores", "other processes", "cores", "number", group="others in the window", digits=2),
        Column("steal_share", "hypervisor", "%", "number", 100, group="others in the window", digits=2),
        Column("checks", "checks", missing="none"),
    ),
    "change_points",
    "last_over_first",
    "warmup_steps",
    "steps",
    "recompilations",
    "slope_ratio",
    "clock_reason",
    "steal_share",
    "checks",
)

_OTHERS = ("others_cores", "steal_share")
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
    measured = labelled_records(runs, lambda record: record.case.mode != "count" and record.outcome == "ok")
    # Older records have no load by others; a column of gaps says nothing.
    known = any(item.record.others_cores is not None for item in measured)
    columns = tuple(column for column in _COLUMNS if known or column.key not in _OTHERS)
    return build_table(
        with_run(columns, runs),
        measured,
        _cells,
        figures=lambda labelled: _times(labelled.record),
        absence=lambda labelled, key: _OF_A_LOOP.get(key) if labelled.record.case.mode in LOOPS else None,
        case=lambda labelled: labelled.case_id,
        key="trust",
        title="How far the figures can be trusted",
        caption="Intervals, and what was checked while each case was measured.",
        notes=(
            "Half the width of the 95 % interval over the figure. Within one process it allows for the "
            "autocorrelation of the steps and says nothing of the next process; with several processes it comes from "
            "their variation.",
            "Series: settled; drifting (it became faster, warm-up had not ended); slowing; never settled; short (too "
            "few steps to say). Clocks: pipelined blocks of N and 2N steps against synchronised steps; overlaps: the "
            "pipeline hides the host's part of a step, or steps run at once.",
            "Of fit and predict a few whole epochs are timed, from outside: they are not classed, have one clock, and "
            "what is compiled inside them is not counted. Their checks are those of the losses, weights and outputs.",
            "Others in the window: how many of the cores that the worker may use went to processes other than "
            "Anatomy's, and the share of these cores' time that the hypervisor gave to other machines."
            if known
            else "What other processes used in the window was not recorded in these cases.",
            "A case whose checks fail is invalid: its figures are in no table.",
        ),
        empty="No case was measured.",
    )


def flags(record: Record) -> str | None:
    """Return what a reader of a case's figures should mind; `None` where there is nothing."""
    found: list[str] = []
    caveats = caveats_of(record)
    if NOT_SETTLED in caveats and record.series is not None:
        found.append(record.series.label)
    if SHORT in caveats:
        found.append("too few steps to class")
    if RECOMPILED in caveats and record.recompilations:
        found.append(plural(record.recompilations, "recompilation"))
    if CLOCKS in caveats and record.clock is not None:
        why = f" ({record.clock.reason})" if record.clock.reason else ""
        found.append(f"clocks not checked{why}")
    if DISTURBED in caveats:
        found.append(_disturbance(record))
    # Without an interval the cell of the interval says so.
    found += [one.meaning for one in weaknesses(record) if one.short == UNSURE.short]
    if record.warmup_settled is False:
        found.append("warm-up ended by its budget")
    found += [name + " not checked" for name, result in record.checks.items() if result.startswith("not checked")]
    return ", ".join(found) or None


def _times(record: Record) -> dict[str, Figure]:
    """The figures whose intervals the table has; of a loop's epochs no step is timed."""
    return {"throughput_examples_per_s": throughput(record), "step_median_s": median_step(record)}


def _disturbance(record: Record) -> str:
    parts = []
    if (share := others_share(record)) is not None and share >= OTHERS:
        parts.append(f"other processes used {100 * share:.0f} % of its CPUs")
    if record.steal_share is not None and record.steal_share >= STOLEN:
        parts.append(f"the hypervisor took {100 * record.steal_share:.0f} % of their time")
    return ", ".join(parts)


def _cells(labelled: LabelledRecord) -> dict[str, Any]:
    record = labelled.record
    clock, series = record.clock, record.series
    return {
        **case_cells(labelled),
        "flags": flags(record),
        "step_spread": median_step(record).spread,
        "throughput_spread": throughput(record).spread,
        "processes": max(1, len(record.process_throughputs)),
        "series": series.label if series else None,
        "change_points": len(series.change_points) if series else None,
        "last_over_first": series.last_over_first if series else None,
        "warmup_steps": record.warmup_steps,
        "steps": len(record.step_s) or None,
        "recompilations": record.recompilations,
        "clock": clock.verdict if clock else None,
        "slope_ratio": clock.slope_s / clock.synchronised_s
        if clock and clock.slope_s and clock.synchronised_s
        else None,
        "clock_reason": _remark(clock),
        "others_cores": record.others_cores,
        "steal_share": record.steal_share,
        "checks": ", ".join(f"{name}: {result}" for name, result in record.checks.items()) or None,
    }


def _remark(clock: ClockCheck | None) -> str | None:
    """What the clock check found, in the last window and in the one measured before it."""
    if clock is None:
        return None
    again = f"measured twice; the first time {clock.earlier}" if clock.earlier else ""
    return "; ".join(part for part in (clock.reason, again) if part) or None
