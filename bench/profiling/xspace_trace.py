"""Read the trace of TensorFlow or JAX, an XSpace file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from anatomy.bench.gpu_trace.recorded_work import NoDeviceWorkError, RecordedTrace
from anatomy.bench.gpu_trace.xspace_file import read_xspace_trace
from anatomy.bench.profiling.device_steps import ANNOTATIONS, no_device_work
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Interval, Trace, TraceEvent
from anatomy.bench.xla.xspace import Event, read_xspace

# Makes a trace event of an XSpace event and its end in seconds; `None` if the event is no operation.
Reader = Callable[[Event, float], TraceEvent | None]
# XLA's CPU runtime: an operation whose work goes on in other threads has a second event when that work has ended.
_END = "end: "


def read_trace(path: Path, reader: Reader, fetching: str = "") -> Trace:
    """The steps and operations of a trace.

    Args:
        path: the `.xplane.pb` file.
        fetching: type of the operation by which the backend itself draws a batch.
    """
    events = [event for plane in read_xspace(path) for line in plane.lines for event in line.events]
    return Trace(
        steps=sorted(_intervals(events, STEP)),
        fetches=[_interval(event) for event in events if event.name == FETCH or _draws(event, fetching)],
        launches=list(_intervals(events, LAUNCH)),
        events=list(_operations(events, reader)),
    )


def read_device_work(path: Path, fetching: str = "") -> RecordedTrace:
    """What GPUs did, and the host's annotations.

    Args:
        path: the `.xplane.pb` file.
        fetching: type of the operation by which the backend itself draws a batch.

    Raises:
        NotImplementedError: the trace has no work of a GPU.
        UsageError: it cannot be read; the message says why.
    """

    def annotation_of(event: Event) -> str | None:
        if event.name in ANNOTATIONS:
            return event.name
        return FETCH if _draws(event, fetching) else None

    try:
        return read_xspace_trace(path, annotation_of)
    except NoDeviceWorkError as error:
        raise no_device_work(error) from error


def _operations(events: list[Event], reader: Reader) -> Iterator[TraceEvent]:
    ends: dict[Any, float] = {}
    for event in events:
        if event.name.startswith(_END) and "_c" in event.metadata:
            ends[event.metadata["_c"]] = _end(event)
    for event in events:
        later = ends.get(event.metadata.get("_p"), 0.0)
        operation = reader(event, max(_end(event), later) / 1e9)
        if operation is not None:
            yield operation


def _intervals(events: list[Event], name: str) -> Iterator[Interval]:
    for event in events:
        if event.name == name:
            yield _interval(event)


def _interval(event: Event) -> Interval:
    return Interval(event.start_ns / 1e9, _end(event) / 1e9)


def _draws(event: Event, fetching: str) -> bool:
    return bool(fetching) and event.display_name == fetching and event.name.endswith(f":{fetching}")


def _end(event: Event) -> float:
    return event.start_ns + event.duration_ns
