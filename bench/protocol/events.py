"""Events: JSON lines from the fork server and its workers to the supervisor, one type per kind of event.

A line that is no event is an error of the worker that wrote it, and ends its case, never the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.errors.printable import first_mistake, printable_values
from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.case_profile import Gaps, IdleCause, KindTime, LayerTime, Operation
from anatomy.bench.records.checked_numbers import ByteCount, Count, Duration, Finite, Seconds
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.record import Outcome

_SHOWN_CHARACTERS = 80


class NoEventError(SetupError):
    """A worker or a fork server sent a line that is no event."""


class Ready(Frozen):
    """The fork server has imported Keras and the backend.

    Attributes:
        import_s: seconds of the imports.
        versions: package → version.
    """

    event: Literal["ready"] = "ready"
    import_s: Duration
    versions: dict[str, str]


class Forked(Frozen):
    """The fork server has started a worker with this process id."""

    event: Literal["forked"] = "forked"
    pid: int = Field(gt=1)


class Exited(Frozen):
    """A worker has ended.

    Attributes:
        code: exit code; negative for a signal, as in `subprocess`.
        killed: name and number of each process that it left behind, which was killed: it would compute beside later
            cases.
    """

    event: Literal["exited"] = "exited"
    code: int
    killed: tuple[str, ...] = ()


class Started(Frozen):
    """A worker is about to build.

    Attributes:
        at_s: seconds of `time.perf_counter`, which all processes of a machine share.
        base_host_bytes: resident memory before the model is built.
    """

    event: Literal["started"] = "started"
    at_s: Finite
    base_host_bytes: ByteCount


class PhaseBegan(Frozen):
    """A worker has entered a phase: `build`, `compile`, `warmup`, …"""

    event: Literal["phase"] = "phase"
    name: str


class BatchTaken(Frozen):
    """A worker measures its case at another batch size: that of the dataset which came with the model."""

    event: Literal["batch"] = "batch"
    batch_size: int = Field(ge=1)


class FactsFound(Frozen):
    """A worker has found facts of its case."""

    event: Literal["facts"] = "facts"
    facts: CaseFacts


class StageEnded(Frozen):
    """A stage of an application has ended; the fields are those of `anatomy.bench.application.stages.Stage`.

    Attributes:
        not_measured: figure → why it is null.
    """

    event: Literal["stage"] = "stage"
    name: str
    seconds: Seconds
    examples: Count
    size_bytes: ByteCount
    base_bytes: ByteCount
    peak_bytes: ByteCount
    loss: Finite | None = None
    accuracy: Finite | None = None
    deviation: Finite | None = None
    beside_s: Seconds | None = None
    not_measured: dict[str, str] = Field(default_factory=dict)


class StageFailed(Frozen):
    """A stage of an application has failed, and the application goes on."""

    event: Literal["stage_failed"] = "stage_failed"
    name: str
    outcome: Outcome
    reason: str


class ScriptMade(Frozen):
    """The stand-alone program of the case, or `None` and the reason.

    Attributes:
        text: source of the program.
        why_not: why there is none; empty where there is one.
    """

    event: Literal["script"] = "script"
    text: str | None
    why_not: str = ""


class ModelsMissing(Frozen):
    """The models that cannot be found, and why: model → reason."""

    event: Literal["missing"] = "missing"
    reasons: dict[str, str]


class Warm(Frozen):
    """A worker of a pair is warm and waits for its turns; `step_s` is its synchronised step in seconds."""

    event: Literal["warm"] = "warm"
    step_s: Seconds


class TurnTaken(Frozen):
    """A worker of a pair has taken a turn: seconds and CPU seconds per step."""

    event: Literal["turn"] = "turn"
    step_s: Seconds
    cpu_s: Duration


class ReferenceStepsTaken(Frozen):
    """A worker has trained the reference steps by which several devices are compared with one."""

    event: Literal["reference_steps"] = "reference_steps"
    trajectory: Trajectory


class ProfileTaken(Frozen):
    """Where the time of the traced steps went; the fields are those of `Profile`."""

    event: Literal["profile"] = "profile"
    steps: int
    step: float
    gaps: Gaps
    layers: list[LayerTime]
    kinds: list[KindTime]
    unattributed: list[Operation]
    unattributed_share: float | None = None
    idle_causes: dict[IdleCause, float] = Field(default_factory=dict)
    not_measured: dict[str, str] = Field(default_factory=dict)
    caveats: list[str] = Field(default_factory=list)


class Ended(Frozen):
    """A worker's last event: the outcome, and the reason where it is not `ok`."""

    event: Literal["ended"] = "ended"
    outcome: Outcome
    reason: str = ""


Event = (
    Ready
    | Forked
    | Exited
    | Started
    | PhaseBegan
    | BatchTaken
    | FactsFound
    | StageEnded
    | StageFailed
    | ScriptMade
    | ModelsMissing
    | Warm
    | TurnTaken
    | ReferenceStepsTaken
    | ProfileTaken
    | Ended
)
# What code that measures calls to report.
Emit = Callable[[Event], None]

_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def event_line(event: Event) -> bytes:
    """An event as a line of JSON."""
    values = event.model_dump(mode="json", exclude_unset=True) | {"event": event.event}
    return json.dumps(values).encode() + b"\n"


def read_event(line: bytes) -> Event:
    """The event that a line holds, with every text in it printable.

    Raises:
        NoEventError: the line is no event; the message shows its beginning.
    """
    try:
        values = json.loads(line.decode("utf-8", "backslashreplace"))
        return _EVENTS.validate_python(printable_values(values), strict=False)
    except (ValueError, RecursionError) as error:
        shown = line[:_SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
        why = first_mistake(error) if isinstance(error, ValidationError) else "it is not JSON"
        raise NoEventError(f"expected an event of the protocol, got '{shown}': {why}") from error
