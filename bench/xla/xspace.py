"""XSpace, the file of a trace that xprof shows (`<host>.xplane.pb`), as plain values.

Format: https://github.com/openxla/xla/blob/main/third_party/tsl/tsl/profiler/protobuf/xplane.proto
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError

PROTOBUF_MODULE = "tensorflow.tsl.profiler.protobuf.xplane_pb2"
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


@cache
def xplane_pb2() -> ModuleType:
    """TensorFlow's generated protobuf module, loaded without importing TensorFlow (4 s, and its threads).

    Raises:
        UsageError: TensorFlow is not installed.
    """
    if PROTOBUF_MODULE in sys.modules:
        return sys.modules[PROTOBUF_MODULE]
    package = importlib.util.find_spec("tensorflow")
    if package is None or not package.submodule_search_locations:
        raise UsageError("traces are read and written with TensorFlow's protobufs: pip install tensorflow")
    path = Path(package.submodule_search_locations[0], *PROTOBUF_MODULE.split(".")[1:]).with_suffix(".py")
    spec = importlib.util.spec_from_file_location("anatomy_xplane_pb2", path)
    if spec is None or spec.loader is None or not path.exists():
        raise UsageError(f"{path} is missing: expected in tensorflow 2.21; pip install --force-reinstall tensorflow")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_xspace(path: Path) -> list[Plane]:
    """Planes, lines and events of a `.xplane.pb`, in the order of the file.

    Stats of a kind of event (`hlo_category`, `tf_op`) are in the metadata of each of its events.

    Raises:
        UsageError: the file does not exist or is no XSpace.
    """
    from google.protobuf.message import DecodeError

    try:
        space = xplane_pb2().XSpace.FromString(path.read_bytes())
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
