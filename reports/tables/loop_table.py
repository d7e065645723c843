"""Keras's own loops beside the compiled step: what `fit` and `predict` add to each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.case import LOOPS
from anatomy.bench.records.record import Record
from anatomy.reports.caveats import marks_of
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.settings_differences import differing, unlike_settings
from anatomy.reports.table import Absence, Column, Table, make_frame

_COLUMNS = (
    Column("model", "model"),
    Column("loop", "loop", group="case"),
    Column("feed", "data from", group="case"),
    Column("backend", "backend", group="case"),
    Column("batch_size", "batch", kind="number", whole=True, group="case"),
    Column("outcome", "outcome", kind="outcome", group="case"),
    Column("loop_step_s", "in the loop", "ms", "number", 1e3, group="a step"),
    Column("pipelined_s", "compiled, pipelined", "ms", "number", 1e3, group="a step"),
    Column("synchronised_s", "compiled, synchronised", "ms", "number", 1e3, group="a step"),
    Column("overhead_s", "loop − pipelined", "µs", "number", 1e6, group="loop overhead"),
    Column("overhead_share", "of the loop's step", "%", "number", 100, group="loop overhead"),
    Column("epoch_steps", "steps an epoch", kind="number", whole=True),
    Column("unlike", "settings that differ", missing="none"),
)


def loop_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each case of Keras's own loop, beside the case that differs in mode only."""
    columns = with_run(_COLUMNS, runs)
    pairs = [
        (item.label, record, _inside(record, item.run.records))
        for item in runs
        for record in item.run.records
        if record.case.mode in LOOPS
    ]
    return Table(
        key="loops",
        title="Keras's own loops",
        caption="What fit and predict add to the compiled step: Keras's own loop, timed by whole epochs.",
        columns=columns,
        frame=make_frame([{"run": label, **_row(loop, step)} for label, loop, step in pairs], columns),
        absent={
            (number, key): Absence("not measured" if step is None or loop.outcome != "ok" else "not the same", why)
            for number, (_, loop, step) in enumerate(pairs)
            if (why := _incomparable_reason(loop, step))
            for key in ("overhead_s", "overhead_share", "pipelined_s", "synchronised_s", "loop_step_s")
        },
        marks={
            (number, key): marks_of(step)
            for number, (_, _, step) in enumerate(pairs)
            if step is not None
            for key in ("pipelined_s", "synchronised_s", "overhead_s", "overhead_share")
        },
        notes=(
            "Data come from arrays (numpy), which the loop slices, or from a tf.data.Dataset, which batches and "
            "prefetches, and on other backends imports TensorFlow, whose memory then is in the peak.",
            "The loop's step holds its share of what a call costs once (callbacks, iterator), spread over the steps of "
            "an epoch. Both are measured in processes of their own: a difference smaller than their intervals is "
            "noise, and may be negative.",
            "Pipelined steps are launched back to back, as the loops do where they can; synchronised ones are each "
            "waited for.",
        ),
        empty="No case of fit or predict was tried; add --mode fit,predict.",
    )


def _inside(loop: Record, records: Sequence[Record]) -> Record | None:
    """The measured case of the step inside `loop`; null where there is none."""
    wanted = loop.case.model_copy(update={"mode": LOOPS[loop.case.mode], "feed": "numpy"}).key
    return next((record for record in records if record.key == wanted and record.outcome == "ok"), None)


def _row(loop: Record, step: Record | None) -> dict[str, Any]:
    in_loop = _step_s(loop)
    compiled = _step_s(step) if not _incomparable_reason(loop, step) else None
    overhead = in_loop - compiled if in_loop is not None and compiled is not None else None
    return {
        "model": model_text(loop.case.model, loop.case.options),
        "loop": loop.case.mode,
        **loop.case.model_dump(include={"backend", "batch_size", "feed"}),
        "outcome": loop.outcome,
        "loop_step_s": in_loop,
        "pipelined_s": compiled,
        "synchronised_s": step.step_median_s if step and compiled is not None else None,
        "overhead_s": overhead,
        "overhead_share": overhead / in_loop if overhead is not None and in_loop else None,
        "epoch_steps": loop.blocks[0].steps if loop.blocks else None,
        "unlike": (unlike_settings([loop, step]) or None) if step else None,
    }


def _incomparable_reason(loop: Record, step: Record | None) -> str | None:
    """Why the loop and the step must not be set side by side; `None` if they may."""
    if loop.outcome != "ok" or step is None:
        return loop.reason or "the compiled step was not measured in this run"
    if "parameters" in differing([loop, step]):
        return f"the models are not the same: {differing([loop, step])['parameters']}"
    return None


def _step_s(record: Record | None) -> float | None:
    """Seconds a step, from the throughput."""
    if record is None or record.outcome != "ok" or record.throughput_examples_per_s is None:
        return None
    return record.case.batch_size / record.throughput_examples_per_s
