"""The stages of an application: time, share, rates and memory of each; and how many classes are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.application_stages import Accuracy, StageRow, accuracies, stage_rows
from anatomy.bench.records.record import Record
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Absence, Column, Table, build_table
from anatomy.reports.tables.case_cells import interval_spread

_MEGA = 1e-6

_APPLICATION = Column("application", "application")
_STAGES = (
    Column("stage", "stage"),
    Column("backend", "backend"),
    Column("seconds", "time", "s", "number"),
    Column("spread", "± 95 %", "%", "number", 100, missing="one process"),
    Column("share", "of the whole", "%", "number", 100),
    Column("examples_per_s", "examples", "1/s", "number", missing="–"),
    Column("peak_bytes", "memory above its start", "MB", "number", _MEGA),
)
_READ = Column("mb_per_s", "read", "MB/s", "number", missing="–")
_EXPORTED = (
    Column("size_bytes", "file", "MB", "number", _MEGA, missing="–"),
    Column("times_keras", "speed beside Keras's own", "×", "number", missing="–"),
    Column("deviation", "deviation from Keras's outputs", "ppm", "number", 1e6, missing="–"),
)
_FAILURES = (Column("outcome", "outcome", kind="outcome"), Column("reason", "reason", missing="–"))
_ACCURACIES = (
    Column("stage", "after"),
    Column("backend", "backend"),
    Column("accuracy", "right", "%", "number", 100),
    Column("low", "from", "%", "number", 100, group="95 % interval", missing="one seed"),
    Column("high", "to", "%", "number", 100, group="95 % interval", missing="one seed"),
    Column("processes", "seeds", kind="number", whole=True),
)


_OF_TEXTS = (
    "Texts, words and vectors are prepared by the same code on every backend. The first epoch and the first "
    "evaluation compile the program; word vectors are parsed anew in each process.",
)
_OF_LIVES = (
    "What is called first compiles. Models are exported and used on the CPU; a batch goes in and comes out as NumPy "
    "arrays, in turns with Keras's own predict_on_batch, and × is Keras's time over the exported model's.",
    "The deviation is the largest difference from Keras's own outputs for a batch, over their largest value. OpenVINO "
    "computes in bfloat16 where the CPU has it.",
    "A format that a backend cannot export is a row with its reason.",
)


class _Item(NamedTuple):
    label: str
    row: Any


def stage_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """The two tables; none where no application was run."""
    rows = [_Item(item.label, row) for item in runs for row in stage_rows(item.run.records)]
    if not rows:
        return ()
    right = [_Item(item.label, one) for item in runs for one in accuracies(item.run.records)]
    # One application is named once, above the table.
    names = list(dict.fromkeys(item.row.application for item in rows))
    which = (_APPLICATION,) if len(names) > 1 else ()
    failures = _FAILURES if any(item.row.record.outcome != "ok" for item in rows) else ()
    lives = any(item.row.record.case.model == "lifecycle" for item in rows)
    further = _EXPORTED if lives else (_READ,)
    stages = build_table(
        with_run((*_STAGES[:1], *which, *_STAGES[1:], *further, *failures), runs),
        rows,
        _stage_cells,
        _stage_absence,
        key="stages",
        title="The application, stage by stage",
        caption=f"What each stage took{'' if which else f': {names[0]}'}.",
        section="application" if len(names) > 1 else "backend",
        notes=(
            "Each backend ran the application in fresh processes, which differ in their seed. The time is the "
            "median over them. ± 95 % is half the interval between them over it.",
            *(_OF_LIVES if lives else _OF_TEXTS),
        ),
    )
    if not right:
        return (stages,)
    return (
        stages,
        build_table(
            with_run((*_ACCURACIES[:1], *which, *_ACCURACIES[1:]), runs),
            right,
            _accuracy_cells,
            key="accuracies",
            title="How many texts were classified right",
            caption="The share of right classes after each epoch: on the texts that it was trained on (epoch), and on "
            "those kept for validation (evaluate).",
            notes=("The mean over the seeds, which shuffle texts and draw first weights; the interval is Student's.",),
        ),
    )


def _stage_cells(item: _Item) -> dict[str, Any]:
    row: StageRow = item.row
    record = row.record
    spread = interval_spread(record.step_interval_s, record.step_median_s)
    return {
        "run": item.label,
        "application": row.application,
        "backend": record.case.backend,
        "stage": row.stage,
        "outcome": record.outcome,
        "seconds": record.step_median_s,
        "spread": spread if spread is not None and spread <= 1 else None,
        "share": row.share,
        "examples_per_s": record.throughput_examples_per_s,
        "mb_per_s": row.mb_per_s,
        "peak_bytes": row.peak_bytes,
        "reason": record.reason or None,
        **_exported_cells(record),
    }


def _exported_cells(record: Record) -> dict[str, Any]:
    stage, seconds = record.stage, record.step_median_s
    if stage is None:
        return {}
    return {
        "size_bytes": stage.size_bytes or None,
        "times_keras": stage.beside_s / seconds if stage.beside_s and seconds else None,
        "deviation": stage.deviation,
    }


def _stage_absence(item: _Item, key: str) -> Absence | None:
    record = item.row.record
    if record.outcome != "ok" and key in ("seconds", "spread", "share", "peak_bytes"):
        return Absence(record.outcome, record.reason)
    spread = interval_spread(record.step_interval_s, record.step_median_s)
    if key == "spread" and spread is not None and spread > 1:
        return Absence("over 100", "so few processes, or so short a stage, say nothing")
    return None


def _accuracy_cells(item: _Item) -> dict[str, Any]:
    one: Accuracy = item.row
    low, high = one.interval or (None, None)
    return {
        "run": item.label,
        "application": one.application,
        "backend": one.backend,
        "stage": one.stage,
        "accuracy": one.mean,
        "low": low,
        "high": high,
        "processes": one.processes,
    }
