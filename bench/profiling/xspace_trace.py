"""From the trace of TensorFlow or JAX (an XSpace) to activities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Activity, Traced, Window
from anatomy.bench.xla.xspace import Event, read_xspace

# Makes an activity of an event, null where it is no operation; the second argument finds its later end, if it has one.
Reader = Callable[[Event, float], Activity | None]
# XLA's CPU runtime: an operation whose work goes on in other threads says when that has ended.
_END = "end: "


def read_traced(path: Path, reader: Reader, fetching: str = "") -> Traced:
    """The steps and activities of a trace.

    Args:
        path: the `.xplane.pb`.
        fetching: the type of operation by which the backend itself draws a batch.
    """
    events = [event for plane in read_xspace(path) for line in plane.lines for event in line.events]
    return Traced(
        steps=list(_windows(events, STEP)),
        fetches=[_window(event) for event in events if event.name == FETCH or _draws(event, fetching)],
        launches=list(_windows(events, LAUNCH)),
        activities=list(_activities(events, reader)),
    )


def _activities(events: list[Event], reader: Reader) -> Iterator[Activity]:
    ends: dict[Any, float] = {}
    for event in events:
        if event.name.startswith(_END) and "_c" in event.metadata:
            ends[event.metadata["_c"]] = _end(event)
    for event in events:
        later = ends.get(event.metadata.get("_p"), 0.0)
        activity = reader(event, max(_end(event), later) / 1e9)
        if activity is not None:
            yield activity


def _windows(events: list[Event], name: str) -> Iterator[Window]:
    for event in events:
        if event.name == name:
            yield _window(event)


def _window(event: Event) -> Window:
    return Window(event.start_ns / 1e9, _end(event) / 1e9)


def _draws(event: Event, fetching: str) -> bool:
    return bool(fetching) and event.display_name == fetching and event.name.endswith(f":{fetching}")


def _end(event: Event) -> float:
    return event.start_ns + event.duration_ns
