"""A trace in the same terms for every backend: intervals of work, and the steps that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from anatomy.bench.gpu_trace.device_timeline import GapPart
from anatomy.bench.records.case_profile import Kind, Pass

# Names of the host's own annotations, which appear as events in every backend's trace.
STEP, FETCH, LAUNCH = "anatomy step", "anatomy input", "anatomy launch"

# How events compete for time: an operation comes first; a container (a loop) gets the time in which none of its
# operations runs, and a copy that a GPU does beside its kernels likewise; the host's own work gets the time in which no
# operation runs at all.
Level = Literal["operation", "container", "copy", "host"]


@dataclass(frozen=True)
class Work:
    """What an operation does, and for which layer; equal for all its calls.

    Attributes:
        layer: name of an entry of the layer index, or of a part in brackets; `None` if unknown.
        name: type of the operation, as the backend calls it.
        fused: number of the program's operations that were merged into it; `None` if the backend does not tell.
        tensor_cores: whether a GPU's tensor cores did it; `None` where that is not said, and on CPUs.
    """

    layer: str | None
    name: str
    kind: Kind
    pass_: Pass
    fused: int | None = None
    tensor_cores: bool | None = None


@dataclass(frozen=True)
class TraceEvent:
    """An interval in which work was under way, in seconds of the trace's clock."""

    start: float
    end: float
    work: Work
    level: Level = "operation"


@dataclass(frozen=True, order=True)
class Interval:
    """An interval of the host, in seconds of the trace's clock."""

    start: float
    end: float


@dataclass(frozen=True)
class Trace:
    """A trace of a few steps.

    Attributes:
        steps: in order of time, from the launch of each to the end of waiting for it.
        fetches: when the host fetched data and put them on the device.
        launches: when the host launched a step; on a GPU only where `gaps` do not say what was waited for.
        events: in any order.
        gaps: of a GPU: what the device waited for → when it ran nothing within a step.
        notes: what to know of the attribution, a sentence each.
    """

    steps: list[Interval]
    fetches: list[Interval] = field(default_factory=list)
    launches: list[Interval] = field(default_factory=list)
    events: list[TraceEvent] = field(default_factory=list)
    gaps: Mapping[GapPart, list[Interval]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
