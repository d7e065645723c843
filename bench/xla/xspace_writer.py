"""Writes planes and events as an XSpace file; torch's traces become what xprof shows.

xprof shows the threads of the plane `/host:CPU` and the streams of planes `/device:GPU:N`. Its overview, input
pipeline and table of operations know a step and an operation by TensorFlow's conventions: `step_event`,
`operation_event`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.xla.xspace import Event, Line, Plane

HOST_PLANE = "/host:CPU"
_INT64_END = 2**63
_NOT_IN_AN_OPERATION = re.compile(r"[^A-Za-z0-9_]+")


def step_event(number: int, start_ns: float, duration_ns: float, name: str = "step") -> Event:
    """A training or inference step on the thread that launches it. Times in nanoseconds."""
    return Event(name, start_ns, duration_ns, {"_r": 1, "step_num": number})


def operation_event(
    name: str, start_ns: float, duration_ns: float, metadata: Mapping[str, Any] | None = None, scope: str = ""
) -> Event:
    """An operation of the host, which xprof's table of operations counts under its type.

    Args:
        name: as the backend calls it and the trace viewer shows it: `aten::addmm`, of the type `addmm`.
        start_ns: nanoseconds.
        duration_ns: nanoseconds.
        metadata: further facts.
        scope: its place in the model, `encoder/dense_1`, by which the table tells equal operations apart.
    """
    kind = _NOT_IN_AN_OPERATION.sub("_", name.rpartition("::")[2]) or "unnamed"
    place = "".join(f"{_NOT_IN_AN_OPERATION.sub('_', part)}/" for part in scope.split("/") if part)
    return Event(f"{place}{kind}:{kind}", start_ns, duration_ns, metadata or {}, display_name=name)


def write_xspace(path: Path, planes: Sequence[Plane]) -> None:
    """Write planes as a `.xplane.pb`, and make its folder.

    xprof counts picoseconds in 64 bits, which an absolute time of day overflows, so times are relative to the earliest
    event. xprof also caches its results beside the trace: write into a folder that `clear_profile_folder` gave.

    Raises:
        UsageError: an event's times are not finite, its duration is negative, or its metadata have a value that is
            neither text, bytes nor a number.
    """
    from anatomy.bench.xla.xplane_pb2 import XSpace

    space = XSpace()
    events = (event for plane in planes for line in plane.lines for event in line.events)
    origin_ns = min((_checked(event).start_ns for event in events), default=0)
    for number, plane in enumerate(planes, start=1):
        _fill_plane(space.planes.add(id=number, name=plane.name), plane, origin_ns)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(space.SerializeToString())


def _checked(event: Event) -> Event:
    if not (isfinite(event.start_ns) and isfinite(event.duration_ns) and event.duration_ns >= 0):
        raise UsageError(
            f"event {event.name!r} starts at {event.start_ns} ns and takes {event.duration_ns} ns: "
            "expected finite times and no negative duration; leave out events that did not end"
        )
    return event


def _fill_plane(made: Any, plane: Plane, origin_ns: float) -> None:
    kinds: dict[tuple[str, str], int] = {}
    stats: dict[str, int] = {}
    for number, line in enumerate(plane.lines, start=1):
        _fill_line(made.lines.add(id=number, name=line.name), line, origin_ns, kinds, stats)
    for (name, shown), number in kinds.items():
        made.event_metadata[number].id = number
        made.event_metadata[number].name = name
        made.event_metadata[number].display_name = shown
    for name, number in stats.items():
        made.stat_metadata[number].id = number
        made.stat_metadata[number].name = name


def _fill_line(
    made: Any, line: Line, origin_ns: float, kinds: dict[tuple[str, str], int], stats: dict[str, int]
) -> None:
    for event in line.events:
        kind = kinds.setdefault((event.name, event.display_name), len(kinds) + 1)
        start_ps, duration_ps = round((event.start_ns - origin_ns) * 1000), round(event.duration_ns * 1000)
        written = made.events.add(metadata_id=kind, offset_ps=start_ps, duration_ps=duration_ps)
        for name, value in event.metadata.items():
            stat = written.stats.add(metadata_id=stats.setdefault(name, len(stats) + 1))
            field = _field_of(value, f"{name} of event {event.name!r}")
            setattr(stat, field, int(value) if isinstance(value, bool) else value)


def _field_of(value: object, what: str) -> str:
    """The field of an XStat that holds a value of this type."""
    if isinstance(value, str):
        return "str_value"
    if isinstance(value, bytes):
        return "bytes_value"
    if isinstance(value, float):
        return "double_value"
    if isinstance(value, int) and -_INT64_END <= value < 2 * _INT64_END:
        return "int64_value" if value < _INT64_END else "uint64_value"
    raise UsageError(f"{what} is {value!r}: expected text, bytes, or a number of 64 bits; write it as text")
