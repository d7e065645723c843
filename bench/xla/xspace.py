"""XSpace, the file of a trace that xprof shows (`<host>.xplane.pb`), as plain values.

Format: https://github.com/openxla/xla/blob/main/third_party/tsl/tsl/profiler/protobuf/xplane.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from anatomy.bench.xla.xplane_pb2 import XSpace

# Not a MappingProxyType, which cannot be pickled.
_NOTHING: Mapping[str, Any] = {}
# Nanoseconds that a float holds one by one: 52 days.
_LARGEST_EXACT = 2**52
# Of protobuf's encoding: the wire type of fields with a length, and the most bytes of a number.
_WITH_LENGTH, _LONGEST_VARINT = 2, 10
# A kind of event that the file does not describe, as a damaged one may not.
_NAMELESS: tuple[Any, dict[str, Any]] = (SimpleNamespace(name="", display_name=""), {})


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
    """Planes, lines and events of a `.xplane.pb`, in the order of the file; see `planes_of`.

    Raises:
        UsageError: the file does not exist or is no XSpace.
    """
    return planes_of(load_xspace(path))


def load_xspace(path: Path) -> XSpace:
    """A `.xplane.pb` as it is.

    Raises:
        UsageError: the file does not exist or is no XSpace.
    """
    from google.protobuf.message import DecodeError

    from anatomy.bench.xla.xplane_pb2 import XSpace

    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist: expected a trace, written by `anatomy profile`") from error
    try:
        space: XSpace = XSpace.FromString(data)
    except DecodeError as error:
        raise UsageError(f"{path} is no XSpace: {_damage(data)}; take the trace anew") from error
    return space


def _damage(data: bytes) -> str:
    """Where a file that is no XSpace ceases to be one: at one of its fields, all of which have a length."""
    start = 0
    while start < len(data):
        if data[start] & 7 != _WITH_LENGTH:
            return f"no field begins with byte {start + 1}"
        tag = _varint(data, start)
        head = tag and _varint(data, tag[1])
        if head is None:
            return f"the file ends in the head of the field at byte {start + 1}"
        length, begin = head
        if begin + length > len(data):
            there = len(data) - begin
            return f"the field at byte {start + 1} has {length:,} bytes, and the file ends after {there:,} of them"
        if not _is_field(data[start : begin + length]):
            break
        start = begin + length
    return f"the field at byte {start + 1} is damaged"


def _is_field(data: bytes) -> bool:
    from google.protobuf.message import DecodeError

    from anatomy.bench.xla.xplane_pb2 import XSpace

    try:
        XSpace.FromString(data)
    except DecodeError:
        return False
    return True


def _varint(data: bytes, start: int) -> tuple[int, int] | None:
    """A number of seven bits a byte from the lowest on, and where it ends; `None` where it does not."""
    number = 0
    for place in range(start, min(start + _LONGEST_VARINT, len(data))):
        number |= (data[place] & 0x7F) << 7 * (place - start)
        if data[place] < 0x80:
            return number, place + 1
    return None


def planes_of(space: XSpace) -> list[Plane]:
    """Planes, lines and events.

    Times of day, which a float holds to a quarter of a microsecond only, are given from the earliest line on.
    Stats of a kind of event (`hlo_category`, `tf_op`) are in the metadata of each of its events.
    """
    starts_ns = [line.timestamp_ns for plane in space.planes for line in plane.lines]
    origin_ns = min(starts_ns) if starts_ns and max(starts_ns) > _LARGEST_EXACT else 0
    return [_plane(plane, origin_ns) for plane in space.planes]


def _plane(plane: Any, origin_ns: int) -> Plane:
    names = {number: stat.name for number, stat in plane.stat_metadata.items()}
    kinds = {number: (kind, _stats(kind.stats, names)) for number, kind in plane.event_metadata.items()}
    return Plane(plane.name, tuple(_line(line, origin_ns, names, kinds) for line in plane.lines))


def _line(line: Any, origin_ns: int, names: Mapping[int, str], kinds: Mapping[int, tuple[Any, dict[str, Any]]]) -> Line:
    events = []
    for event in line.events:
        kind, common = kinds.get(event.metadata_id, _NAMELESS)
        metadata = {**common, **_stats(event.stats, names)} if event.stats else common
        start_ns = line.timestamp_ns - origin_ns + event.offset_ps / 1000
        shown = "" if kind.display_name == kind.name else kind.display_name
        events.append(Event(kind.name, start_ns, event.duration_ps / 1000, metadata, shown))
    return Line(line.display_name or line.name, tuple(events))


def _stats(stats: Any, names: Mapping[int, str]) -> dict[str, Any]:
    return {names.get(stat.metadata_id, str(stat.metadata_id)): _value(stat, names) for stat in stats}


def _value(stat: Any, names: Mapping[int, str]) -> Any:
    chosen = stat.WhichOneof("value")
    if chosen is None:
        return None
    value = getattr(stat, chosen)
    # Repeated texts are kept once, as the name of a stat.
    return names.get(value, "") if chosen == "ref_value" else value
