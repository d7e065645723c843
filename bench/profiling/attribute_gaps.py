"""Attribute every instant of the traced steps: to the work under way, or to the reason why there was none.

Operations that run at the same time on several threads or devices share the instant equally. The times of all
operations therefore add up to the wall-clock time in which any of them ran, not to the time of threads.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, get_args

from anatomy.bench.gpu_trace.device_timeline import GapPart
from anatomy.bench.profiling.trace_events import Interval, Trace, TraceEvent, Work
from anatomy.bench.records.case_profile import IdleCause

Gap = Literal["input_wait", "host_dispatch", "device_compute", "communication", "idle"]
# Events of the lowest rank under way get the instant. Communication ranks below computing: hidden behind it, it is
# free.
_RANKS = {"operation": 0, "communication": 1, "container": 2, "copy": 2}
_HOST = 3
_Mark = Literal["step", "fetch", "call"] | GapPart
_GAP_PARTS: tuple[GapPart, ...] = get_args(GapPart)
# What a GPU waits for while the host has something to do.
_DISPATCH: tuple[_Mark, ...] = ("call", "host-bound", "launch")


@dataclass
class AttributedTime:
    """Seconds, summed over all steps.

    Attributes:
        device: work → time in which it ran.
        calls: work → number of its events that began within a step.
        host: layer → time in which the host worked on it and no operation ran; the key is `None` outside all layers.
        gaps: the whole time of the steps, by what they waited for.
        idle: of a GPU: the time in which nothing ran, by its own cause.
    """

    device: defaultdict[Work, float] = field(default_factory=lambda: defaultdict(float))
    calls: defaultdict[Work, int] = field(default_factory=lambda: defaultdict(int))
    host: defaultdict[str | None, float] = field(default_factory=lambda: defaultdict(float))
    gaps: defaultdict[Gap, float] = field(default_factory=lambda: defaultdict(float))
    idle: defaultdict[IdleCause, float] = field(default_factory=lambda: defaultdict(float))


class _UnderWay:
    """What is under way at one instant."""

    def __init__(self) -> None:
        # Number of the event → the event, by rank.
        self.events: tuple[dict[int, TraceEvent], ...] = ({}, {}, {}, {})
        self.marks: defaultdict[_Mark, int] = defaultdict(int)

    def attribute(self, seconds: float, found: AttributedTime) -> None:
        if not self.marks["step"] or not seconds:
            return
        *device, host = self.events
        for rank, running in enumerate(device):
            if running:
                found.gaps["communication" if rank == 1 else "device_compute"] += seconds
                for event in running.values():
                    found.device[event.work] += seconds / len(running)
                return
        why = self._why_nothing_runs()
        found.gaps[why] += seconds
        for part in _GAP_PARTS:
            if self.marks[part]:
                found.idle["input" if why == "input_wait" else part] += seconds
        if host:
            # Layers are nested: the innermost began last.
            innermost = max(host.values(), key=lambda event: (event.start, -event.end))
            found.host[innermost.work.layer] += seconds

    def _why_nothing_runs(self) -> Gap:
        if self.marks["fetch"]:
            return "input_wait"
        return "host_dispatch" if any(self.marks[mark] for mark in _DISPATCH) else "idle"


def attribute_time(trace: Trace) -> AttributedTime:
    """Attribute every instant of the steps to what was under way."""
    found, under_way = AttributedTime(), _UnderWay()
    before = 0.0
    for time, begins, what in _changes(trace):
        under_way.attribute(time - before, found)
        before = time
        if isinstance(what, str):
            under_way.marks[what] += 1 if begins else -1
        elif begins:
            under_way.events[_rank(trace.events[what])][what] = trace.events[what]
        else:
            del under_way.events[_rank(trace.events[what])][what]
    for event in trace.events:
        if event.level != "host" and any(step.start <= event.start < step.end for step in trace.steps):
            found.calls[event.work] += 1
    return found


def _changes(trace: Trace) -> list[tuple[float, bool, int | _Mark]]:
    """Time, whether something begins, and what: the number of an event, or a mark. In order of time, ends first."""
    changes: list[tuple[float, bool, int | _Mark]] = []
    for number, event in enumerate(trace.events):
        if event.end > event.start:
            changes += [(event.start, True, number), (event.end, False, number)]
    marked: dict[_Mark, list[Interval]] = {"step": trace.steps, "fetch": trace.fetches, "call": trace.launches}
    for mark, intervals in (marked | dict(trace.gaps)).items():
        for interval in intervals:
            changes += [(interval.start, True, mark), (interval.end, False, mark)]
    return sorted(changes, key=lambda change: change[:2])


def _rank(event: TraceEvent) -> int:
    if event.level == "host":
        return _HOST
    if event.level == "operation" and event.work.kind == "communication":
        return _RANKS["communication"]
    return _RANKS[event.level]
