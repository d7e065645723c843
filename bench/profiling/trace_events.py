"""What a trace says, in the same terms for every backend: intervals of work, and the steps they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from anatomy.bench.records.case_profile import Kind, Pass

# Names of the host's own annotations, which every backend's trace shows as events.
STEP, FETCH, LAUNCH = "anatomy step", "anatomy input", "anatomy launch"

# What an interval competes for time as. An operation; one that holds others (a loop), which has the time in which
# none of them runs; the host's own work, which has the time in which no operation runs at all.
Level = Literal["operation", "container", "host"]


@dataclass(frozen=True)
class Work:
    """What an operation does and for whom; equal for all its calls.

    Attributes:
        layer: name of a row of layers, or one in brackets; null where it is not known.
        name: the type of operation, in the backend's terms.
        fused: operations of the program that were merged into it; null where the backend does not tell.
    """

    layer: str | None
    name: str
    kind: Kind
    pass_: Pass
    fused: int | None = None


@dataclass(frozen=True)
class Activity:
    """One interval in which work was under way, in seconds of the trace's clock."""

    start: float
    end: float
    work: Work
    level: Level = "operation"


@dataclass(frozen=True)
class Window:
    """An interval of the host, in seconds of the trace's clock."""

    start: float
    end: float


@dataclass(frozen=True)
class Traced:
    """A trace of a few steps.

    Attributes:
        steps: from the first line of each step to the end of waiting for it.
        fetches: in which the host fetched data and put them on the device.
        launches: in which the host launched a step.
        activities: in any order.
    """

    steps: list[Window]
    fetches: list[Window] = field(default_factory=list)
    launches: list[Window] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
