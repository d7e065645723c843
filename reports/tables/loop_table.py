"""Keras's own loops beside the compiled step: what `fit` and `predict` add to each step."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.case import LOOPS, OF_A_STEP, Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import Figure, median_step, throughput
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, labelled_records, with_run
from anatomy.reports.settings_differences import differing_settings, settings_differences
from anatomy.reports.table import Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import case_cells
from anatomy.reports.tables.input_table import input_tables

_COLUMNS = with_details(
    (
        Column("model", "model"),
        Column("loop", "loop", group="case"),
        Column("feed", "data from", group="case"),
        Column("backend", "backend", group="case"),
        Column("batch_size", "batch", kind="number", whole=True, group="case"),
        Column("outcome", "outcome", kind="outcome", group="case"),
        Column("loop_step_s", "in the loop", "ms", "number", 1e3, group="a step"),
        Column("pipelined_s", "compiled, pipelined", "ms", "number", 1e3, group="a step"),
        Column("synchronised_s", "compiled, synchronised", "ms", "number", 1e3, group="a step"),
        Column("overhead_s", "loop − pipelined", "µs", "number", 1e6, group="loop overhead", digits=3),
        Column("overhead_share", "of the loop's step", "%", "number", 100, group="loop overhead", digits=2),
        Column("epoch_steps", "steps an epoch", kind="number", whole=True),
        Column("unlike", "settings that differ", missing="none"),
    ),
    "unlike",
    "epoch_steps",
    "synchronised_s",
)


class _LoopAndStep(NamedTuple):
    """A case of Keras's own loop, and the measured case of the compiled step inside it; `None` without one."""

    loop: LabelledRecord
    step: Record | None


def loop_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each case of Keras's own loop, beside the case that differs in mode only."""
    loops = labelled_records(runs, lambda record: record.case.mode in LOOPS)
    steps = {
        (id(item), record.case.alike()): record
        for item, record in labelled_records(runs, lambda record: record.outcome == "ok")
    }
    return build_table(
        with_run(_COLUMNS, runs),
        [_LoopAndStep(loop, steps.get((id(loop.run), _step_inside(loop.record.case)))) for loop in loops],
        _cells,
        _absence,
        figures=_figures,
        case=lambda row: row.loop.case_id,
        key="loops",
        title="Keras's own loops",
        caption="What fit and predict add to the compiled step: Keras's own loop, timed by whole epochs.",
        notes=(
            "Data come from arrays (numpy), which the loop slices, or through a feed; tf.data imports TensorFlow on "
            "other backends, whose memory then is in the peak."
            + (" Where examples come from files, see the table of input pipelines." if input_tables(runs) else ""),
            "The loop's step holds its share of what a call costs once (callbacks, iterator), spread over the steps of "
            "an epoch. Both are measured in processes of their own: a difference smaller than their intervals is "
            "noise, and may be negative. An overhead is weak (≈) where either step is, or where their two "
            "intervals leave it known to ± 10 % or worse.",
            "Pipelined steps are launched back to back, as the loops do where they can; synchronised ones are each "
            "waited for.",
        ),
        empty="No case of fit or predict was tried; add --mode fit,predict.",
    )


def _step_inside(case: Case) -> tuple[Hashable, ...]:
    """What the case of the compiled step inside a loop has in common with its record."""
    return case.alike(mode=LOOPS[case.mode], **OF_A_STEP)


def _cells(row: _LoopAndStep) -> dict[str, Any]:
    loop, step = row.loop.record, row.step
    return {
        **case_cells(row.loop),
        "loop": loop.case.mode,
        "feed": loop.case.feed_name,
        **{key: figure.value for key, figure in _figures(row).items()},
        "epoch_steps": loop.blocks[0].steps if loop.blocks else None,
        "unlike": (settings_differences([loop, step]) or None) if step else None,
    }


def _absence(row: _LoopAndStep, key: str) -> Absence | None:
    reason = _incomparable_reason(row)
    if not reason or key not in ("overhead_s", "overhead_share", "pipelined_s", "synchronised_s", "loop_step_s"):
        return None
    measured = row.step is not None and row.loop.record.outcome == "ok"
    return Absence("not the same" if measured else "not measured", reason)


def _figures(row: _LoopAndStep) -> dict[str, Figure]:
    in_loop = _step(row.loop.record)
    step = row.step if not _incomparable_reason(row) else None
    compiled = _step(step)
    return {
        "loop_step_s": in_loop,
        "pipelined_s": compiled,
        "synchronised_s": median_step(step) if step and compiled.value is not None else Figure(None),
        "overhead_s": in_loop.less(compiled),
        "overhead_share": _share(compiled, in_loop),
    }


def _share(compiled: Figure, in_loop: Figure) -> Figure:
    """1 less the compiled step over the loop's, which are what is measured."""
    return Figure(1.0, (1.0, 1.0)).less(compiled.over(in_loop))


def _incomparable_reason(row: _LoopAndStep) -> str:
    """Why the loop and the step must not be set side by side; empty where they may."""
    loop, step = row.loop.record, row.step
    if loop.outcome != "ok" or step is None:
        return loop.reason or "the compiled step was not measured in this run"
    differing = differing_settings([loop, step])
    return f"the models are not the same: {differing['parameters']}" if "parameters" in differing else ""


def _step(record: Record | None) -> Figure:
    """Seconds per step, from the throughput; without a value where there is none."""
    if record is None or record.outcome != "ok":
        return Figure(None)
    return throughput(record).under(record.case.batch_size)
