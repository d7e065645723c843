"""An application in one worker: a record for each of its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from anatomy.bench.application.lifecycle_options import LifecycleOptions
from anatomy.bench.application.newsgroups_options import NewsgroupsOptions
from anatomy.bench.protocol.events import StageEnded, StageFailed
from anatomy.bench.records.application_stages import NOT_REACHED
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.record import Outcome, Record
from anatomy.bench.records.record_parts import Block, StageFigures

ApplicationOptions = NewsgroupsOptions | LifecycleOptions
_OPTIONS: Mapping[str, type[ApplicationOptions]] = {"newsgroups": NewsgroupsOptions, "lifecycle": LifecycleOptions}
# What a case has that a stage has not.
_NOT_OF_A_STAGE = (
    "settings",
    "series",
    "clock",
    "counts",
    "cpu_cores_used",
    "others_cores",
    "steal_share",
    "gpu",
    "cpu_energy",
    "host_use",
    "peak_device_bytes",
    "step_peak_host_bytes",
)


def stage_cases(options: ApplicationOptions, backend: Backend) -> list[Case]:
    """A case for each stage; all but the stage's name is the same in all of them."""
    given, name = options.of_case(), options.application
    return [
        Case(model=name, options=given | {"stage": stage}, mode="stage", backend=backend, batch_size=1)
        for stage in options.stages()
    ]


def options_of(case: Case) -> ApplicationOptions:
    """The options of the application that a case is a stage of."""
    return _OPTIONS[case.model].model_validate({name: value for name, value in case.options.items() if name != "stage"})


class Part(NamedTuple):
    """What one worker does: a case, or the stages of an application that still lack their record."""

    cases: list[Case]
    repeat: int

    @property
    def is_application(self) -> bool:
        """Whether the cases are stages."""
        return self.cases[0].mode == "stage"


def parts(todo: Sequence[tuple[Case, int]]) -> Iterator[Part]:
    """Cases one by one, and the stages of an application together."""

    def together(item: tuple[int, tuple[Case, int]]) -> tuple[object, ...]:
        place, (case, repeat) = item
        if case.mode != "stage":
            return ("case", place)
        return ("application", case.backend, repeat, options_of(case).model_dump_json())

    for _, group in groupby(enumerate(todo), together):
        members = [case_and_repeat for _, case_and_repeat in group]
        yield Part([case for case, _ in members], members[0][1])


class StageRecords:
    """Turns the events of an application into records, and those that never came too.

    Args:
        wanted: the stages whose record is wanted, in order.
        blank: makes a record of a case with an outcome, without figures.
        done: told of each record.
    """

    def __init__(
        self, wanted: Sequence[Case], blank: Callable[[Case, Outcome, str], Record], done: Callable[[Record], None]
    ) -> None:
        self._left = {case.options["stage"]: case for case in wanted}
        self._blank, self._done = blank, done

    def end(self, stage: StageEnded) -> None:
        """Make the record of a stage, if it is wanted."""
        case = self._left.pop(stage.name, None)
        if case is None:
            return
        figures = StageFigures(
            examples=stage.examples,
            size_bytes=stage.size_bytes,
            losses=[] if stage.loss is None else [stage.loss],
            accuracies=[] if stage.accuracy is None else [stage.accuracy],
            deviation=stage.deviation,
            beside_s=stage.beside_s,
        )
        update = {
            "step_s": [stage.seconds],
            "blocks": [Block(steps=stage.examples, seconds=stage.seconds)] if stage.examples else [],
            "stage": figures,
            "base_host_bytes": stage.base_bytes,
            "peak_host_bytes": stage.base_bytes + stage.peak_bytes,
            "window_s": stage.seconds,
            "not_measured": dict.fromkeys(_NOT_OF_A_STAGE, "a stage of an application is timed once, as a whole")
            | ({} if stage.examples else {"blocks": "the stage has no examples"})
            | {f"stage.{name}": why for name, why in stage.not_measured.items()},
        }
        self._done(self._blank(case, "ok", "").model_copy(update=update))

    def fail_one(self, stage: StageFailed) -> None:
        """Make the record of a stage that failed while the application goes on, if it is wanted."""
        case = self._left.pop(stage.name, None)
        if case is not None:
            self._done(self._blank(case, stage.outcome, stage.reason))

    def fail(self, outcome: Outcome, reason: str, phase: str) -> None:
        """Make the records of the stages that were not reached, or not finished."""
        for name, case in self._left.items():
            said = reason if name == phase else f"{NOT_REACHED}{phase} ended with: {reason}"
            self._done(self._blank(case, outcome, said))
