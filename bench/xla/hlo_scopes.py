"""Which operation of the source each instruction of a traced XLA program comes from.

The profiler keeps the compiled programs in the plane `/host:metadata` of an XSpace, as `HloProto`:
https://github.com/openxla/xla/blob/main/xla/service/hlo.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anatomy.bench.xla.xplane_pb2 import XPlane, XSpace

_METADATA_PLANE, _PROGRAM = "/host:metadata", "Hlo Proto"

# Program → instruction → operation, by whose scopes a layer and a pass are known.
Scopes = Mapping[str, Mapping[str, str]]


def hlo_scopes(space: XSpace) -> Scopes:
    """The operations of all programs in a trace: `jit_train_step(6)` → `fusion.3` → `jit(train_step)/dense_1/dot`.

    A program is also known by its name without the number; of several with one name, the last is.
    """
    found: dict[str, Mapping[str, str]] = {}
    for plane in space.planes:
        if plane.name == _METADATA_PLANE:
            for name, operations in _programs(plane):
                found[name] = operations
                found[name.partition("(")[0]] = operations
    return found


def _programs(plane: XPlane) -> Iterator[tuple[str, Mapping[str, str]]]:
    from google.protobuf.message import DecodeError

    from anatomy.bench.xla.hlo_pb2 import HloProto

    kinds = {number for number, stat in plane.stat_metadata.items() if stat.name == _PROGRAM}
    for program in plane.event_metadata.values():
        for stat in program.stats:
            if stat.metadata_id in kinds:
                try:
                    module = HloProto.FromString(stat.bytes_value).hlo_module
                except DecodeError:
                    # A program of another form names nothing; the times stand without it.
                    continue
                yield (
                    program.name,
                    {
                        instruction.name: instruction.metadata.op_name
                        for computation in module.computations
                        for instruction in computation.instructions
                        if instruction.metadata.op_name
                    },
                )
