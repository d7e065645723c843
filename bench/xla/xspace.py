"""XSpace, the file of a trace that xprof shows (`<host>.xplane.pb`), as plain values.

Format: https://github.com/openxla/xla/blob/main/third_party/tsl/tsl/profiler/protobuf/xplane.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError

# Not a MappingProxyType, which cannot be pickled.
_NOTHING: Mapping[str, Any] = {}


class Event(NamedTuple):
    """One event of a trace: what ran, and when.

    Attributes:
        name: as the backend calls it.
        start_ns: nanoseconds on the trace's own clock, which all its planes share.
        duration_ns: nanoseconds.
        metadata: name of a stat (`hlo_op`, `step_num`, …) → its value: text, number or bytes.
        display_name: the trace viewer's text, if it is not `name`; else empty.
    """

    name: str
    start_ns: float
    duration_ns: float
    metadata: Mapping[str, Any] = _NOTHING
    display_name: str = ""


class Line(NamedTuple):
    """A thread of the host or a stream of a device."""

    name: str
    events: tuple[Event, ...]


class Plane(NamedTuple):
    """A device, or the threads of the host: `/host:CPU`, `/device:GPU:0`, …"""

    name: str
    lines: tuple[Line, ...]


def read_xspace(path: Path) -> list[Plane]:
    """Planes, lines and events of a `.xplane.pb`, in the order of the file.

    Stats of a kind of event (`hlo_category`, `tf_op`) are in the metadata of each of its events.

    Raises:
        UsageError: the file does not exist or is no XSpace.
    """
    from google.protobuf.message import DecodeError

    from anatomy.bench.xla.xplane_pb2 import XSpace

    try:
        space = XSpace.FromString(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist: expected a trace, written by `anatomy profile`") from error
    except DecodeError as error:
        raise UsageError(f"{path} is no XSpace: {error}; take the trace anew") from error
    return [_plane(plane) for plane in space.planes]


def _plane(plane: Any) -> Plane:
    names = {number: stat.name for number, stat in plane.stat_metadata.items()}
    kinds = {number: (kind, _stats(kind.stats, names)) for number, kind in plane.event_metadata.items()}
    return Plane(plane.name, tuple(_line(line, names, kinds) for line in plane.lines))


def _line(line: Any, names: Mapping[int, str], kinds: Mapping[int, tuple[Any, dict[str, Any]]]) -> Line:
    events = []
    for event in line.events:
        kind, common = kinds[event.metadata_id]
        metadata = {**common, **_stats(event.stats, names)} if event.stats else common
        start_ns = line.timestamp_ns + event.offset_ps / 1000
        shown = "" if kind.display_name == kind.name else kind.display_name
        events.append(Event(kind.name, start_ns, event.duration_ps / 1000, metadata, shown))
    return Line(line.display_name or line.name, tuple(events))


def _stats(stats: Any, names: Mapping[int, str]) -> dict[str, Any]:
    return {names[stat.metadata_id]: _value(stat, names) for stat in stats}


def _value(stat: Any, names: Mapping[int, str]) -> Any:
    chosen = stat.WhichOneof("value")
    if chosen is None:
        return None
    value = getattr(stat, chosen)
    # Repeated texts are kept once, as the name of a stat.
    return names[value] if chosen == "ref_value" else value
