"""The stages of applications in a run: each with its share of the whole, beside what it went through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from anatomy.bench.records.record import Record
from anatomy.bench.statistics.interval import student_t

# Begins the reason of a stage that did not begin.
NOT_REACHED = "not reached: "


@dataclass(frozen=True)
class StageRow:
    """A stage of an application.

    Attributes:
        application: the application, its model and its options: `newsgroups text_cnn, no vectors`.
        share: of the time of all stages that were measured; `None` where it was not.
        mb_per_s: megabytes (10⁶) that it read a second.
        peak_bytes: peak of resident memory above that at its beginning.
    """

    application: str
    stage: str
    record: Record
    share: float | None
    mb_per_s: float | None
    peak_bytes: int | None


@dataclass(frozen=True)
class Accuracy:
    """The share of right classes after an epoch, over the application's processes, which differ in their seed.

    Attributes:
        mean: over the processes.
        interval: 95 % interval of the mean between processes; `None` with fewer than two.
        processes: how many there are.
    """

    application: str
    backend: str
    stage: str
    mean: float
    interval: tuple[float, float] | None
    processes: int


def application_name(record: Record) -> str:
    """The application, its model, and what is not the default: `newsgroups text_cnn, no vectors, with headers`."""
    options = {name: value for name, value in record.case.options.items() if name not in ("stage", "network")}
    said = []
    if "data" in options:
        vectors = options.pop("vectors", None)
        said += [f"data={options.pop('data')}", "no vectors" if vectors is None else f"vectors={vectors}"]
        if options.pop("headers", False):
            said.append("with headers")
    said += [f"{name}={value}" for name, value in options.items()]
    return ", ".join([f"{record.case.model} {record.case.options['network']}", *said])


def is_stage(record: Record) -> bool:
    """Whether a record is of a stage of an application."""
    return record.case.mode == "stage"


def stage_rows(records: Iterable[Record]) -> list[StageRow]:
    """A row for each record of a stage, in the order of the records."""
    stages = [record for record in records if is_stage(record)]
    whole: dict[tuple[str, str], float] = {}
    for record in stages:
        whole[_place(record)] = whole.get(_place(record), 0.0) + (record.step_median_s or 0.0)
    return [_row(record, whole[_place(record)]) for record in stages]


def accuracies(records: Iterable[Record]) -> list[Accuracy]:
    """The accuracy after each epoch of each application, in training and on the texts kept for validation."""
    return [
        Accuracy(
            application_name(record),
            record.case.backend,
            record.case.options["stage"],
            mean(record.stage.accuracies),
            _interval(record.stage.accuracies),
            len(record.stage.accuracies),
        )
        for record in records
        if is_stage(record) and record.stage is not None and record.stage.accuracies
    ]


def _place(record: Record) -> tuple[str, str]:
    return application_name(record), record.case.backend


def _row(record: Record, whole_s: float) -> StageRow:
    seconds, stage = record.step_median_s, record.stage
    return StageRow(
        application=application_name(record),
        stage=record.case.options["stage"],
        record=record,
        share=seconds / whole_s if seconds and whole_s else None,
        mb_per_s=stage.size_bytes / 1e6 / seconds if stage and stage.size_bytes and seconds else None,
        peak_bytes=record.peak_host_above_base_bytes,
    )


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's t interval of the mean, within 0 and 1."""
    if len(values) < 2:
        return None
    half = student_t(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return max(0.0, mean(values) - half), min(1.0, mean(values) + half)
