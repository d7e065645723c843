"""Share the time of steps out: to each instant of a step belongs either work or a reason why none was under way.

Operations that run at the same time on several threads or devices share the instant equally. The sum over all of
them is therefore the wall-clock time in which anything ran, and not the time of threads.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from anatomy.bench.profiling.trace_events import Activity, Traced, Window, Work

Gap = Literal["input_wait", "host_dispatch", "device_compute", "communication", "idle"]
# Communication counts where nothing else runs: what is hidden behind computing costs nothing.
_RANKS = {"operation": 0, "communication": 1, "container": 2}
_HOST = 3


@dataclass
class Shares:
    """Seconds, over all steps together.

    Attributes:
        device: of each work in which it ran.
        calls: of each work that began within a step.
        host: layer → the host's own time in it while nothing ran; null is outside of all.
        gaps: the whole of the steps, by what they waited for.
    """

    device: defaultdict[Work, float] = field(default_factory=lambda: defaultdict(float))
    calls: defaultdict[Work, int] = field(default_factory=lambda: defaultdict(int))
    host: defaultdict[str | None, float] = field(default_factory=lambda: defaultdict(float))
    gaps: defaultdict[Gap, float] = field(default_factory=lambda: defaultdict(float))


class _Active:
    """What is under way at one instant."""

    def __init__(self) -> None:
        self.ranked: tuple[dict[int, Work], ...] = ({}, {}, {})
        self.host: dict[int, Activity] = {}
        self.windows = {"step": 0, "fetch": 0, "launch": 0}

    def change(self, what: int | str, activity: Activity | None, begins: bool) -> None:
        if isinstance(what, str):
            self.windows[what] += 1 if begins else -1
            return
        assert activity is not None
        rank = _rank(activity)
        if rank == _HOST:
            _enter(self.host, what, activity, begins)
        else:
            _enter(self.ranked[rank], what, activity.work, begins)

    def share(self, seconds: float, shares: Shares) -> None:
        if not self.windows["step"] or not seconds:
            return
        for rank, running in enumerate(self.ranked):
            if running:
                shares.gaps["communication" if rank == 1 else "device_compute"] += seconds
                for work in running.values():
                    shares.device[work] += seconds / len(running)
                return
        shares.gaps[self._why_nothing_runs()] += seconds
        if self.host:
            # Layers hold one another: the innermost began last.
            innermost = max(self.host.values(), key=lambda activity: (activity.start, -activity.end))
            shares.host[innermost.work.layer] += seconds

    def _why_nothing_runs(self) -> Gap:
        if self.windows["fetch"]:
            return "input_wait"
        return "host_dispatch" if self.windows["launch"] else "idle"


def share_out(traced: Traced) -> Shares:
    """Give each instant of the steps to what was under way."""
    shares, active = Shares(), _Active()
    before = 0.0
    for time, begins, what, activity in _changes(traced):
        active.share(time - before, shares)
        before = time
        active.change(what, activity, begins)
    for activity in traced.activities:
        if activity.level != "host" and any(step.start <= activity.start < step.end for step in traced.steps):
            shares.calls[activity.work] += 1
    return shares


def _changes(traced: Traced) -> list[tuple[float, bool, int | str, Activity | None]]:
    """Beginnings and ends in order of time, ends first."""
    changes: list[tuple[float, bool, int | str, Activity | None]] = []
    for place, activity in enumerate(traced.activities):
        if activity.end > activity.start:
            changes += [(activity.start, True, place, activity), (activity.end, False, place, activity)]
    named: list[tuple[str, list[Window]]] = [
        ("step", traced.steps),
        ("fetch", traced.fetches),
        ("launch", traced.launches),
    ]
    for name, windows in named:
        for window in windows:
            changes += [(window.start, True, name, None), (window.end, False, name, None)]
    return sorted(changes, key=lambda change: change[:2])


def _rank(activity: Activity) -> int:
    if activity.level == "host":
        return _HOST
    if activity.level == "operation" and activity.work.kind == "communication":
        return _RANKS["communication"]
    return _RANKS[activity.level]


def _enter(running: dict[int, Work] | dict[int, Activity], what: int, one: Work | Activity, begins: bool) -> None:
    if begins:
        running[what] = one  # type: ignore[assignment]  # each dictionary holds its own kind
    else:
        del running[what]
