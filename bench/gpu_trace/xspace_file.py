"""Reads the XSpace file of JAX's and TensorFlow's profilers: the streams of its planes `/device:GPU:N`.

The names of stats: https://github.com/openxla/xla/blob/main/xla/tsl/profiler/utils/xplane_schema.cc; details of kernels
and copies: https://github.com/openxla/xla/blob/main/xla/backends/profiler/gpu/cupti_collector.cc.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.gpu_trace.recorded_work import (
    DeviceStep,
    DeviceWork,
    HostCall,
    HostSpan,
    NoDeviceWorkError,
    RecordedTrace,
    TraceFileError,
    recorded_name,
)
from anatomy.bench.xla.hlo_scopes import Scopes, hlo_scopes
from anatomy.bench.xla.xspace import Event, Line, Plane, load_xspace, planes_of

# Protobuf reads at most 2 GiB, and takes several times as much memory.
LARGEST_BYTES = 1 << 30
_DEVICE = re.compile(r"^/device:GPU:(\d+)")
_STREAM = re.compile(r"^Stream #(\d+)")
_SIZE = re.compile(r"\bsize:(\d+)")
_HOST_MEMORY = re.compile(r"\bkind_(?:src|dst):(pageable|pinned)")
_OCCUPANCY = re.compile(r"\bocc_pct:([\d.]+)")
# An operation of TensorFlow's executor that runs a whole program: its name says nothing of an instruction.
_CALLS_A_PROGRAM = re.compile(r":(?:_?Xla\w+|(?:Stateful)?PartitionedCall)$")
_COPY = re.compile(r"^Memcpy([HDPA])(?:to|2)([HDPA])?", re.IGNORECASE)

# The name under which an event of the host is kept as an annotation; `None` for one that is not kept.
AnnotationOf = Callable[[Event], str | None]


def read_xspace_trace(path: Path, annotation_of: AnnotationOf | None = None) -> RecordedTrace:
    """Read a trace of JAX's or TensorFlow's profiler.

    Args:
        annotation_of: `None` to keep no annotations: the host's events are many, and have no type.

    Raises:
        NoDeviceWorkError: it has no work of a GPU.
        TraceFileError: the file is too large.
        UsageError: it is no XSpace, or an empty one.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise TraceFileError(
            f"{path} has {size / 2**30:.1f} GiB: at most {LARGEST_BYTES >> 30} GiB can be read; record fewer steps"
        )
    space = load_xspace(path)
    planes, scopes = planes_of(space), hlo_scopes(space)
    if not planes:
        raise UsageError(f"{path} has no plane")
    devices = [(int(found[1]), plane) for plane in planes if (found := _DEVICE.match(plane.name))]
    work = tuple(one for device, plane in devices for one in _work(device, plane, scopes))
    if not work:
        named = ", ".join(plane.name for plane in planes[:6]) or "none"
        raise NoDeviceWorkError(f"{path} is an XSpace with no stream of a GPU; its planes: {named}")
    host = [line for plane in planes if plane.name.startswith("/host:") for line in plane.lines]
    return RecordedTrace(
        source="XSpace",
        work=work,
        calls=dict(_calls(host)),
        spans=(*_steps(host), *(_annotations(host, annotation_of) if annotation_of else ())),
        device_steps=tuple(step for device, plane in devices for step in _device_steps(device, plane)),
    )


def _work(device: int, plane: Plane, scopes: Scopes) -> Iterator[DeviceWork]:
    for line in plane.lines:
        if found := _STREAM.match(line.name):
            for event in line.events:
                yield _device_work(device, found[1], event, scopes)


def _device_work(device: int, stream: str, event: Event, scopes: Scopes) -> DeviceWork:
    facts = event.metadata
    details = str(facts.get("memcpy_details", facts.get("memset_details", facts.get("kernel_details", ""))))
    copy, size = _COPY.match(event.name), _SIZE.search(details)
    memory, occupancy = _HOST_MEMORY.search(details), _OCCUPANCY.search(details)
    start_ns = round(event.start_ns)
    is_fill = event.name.lower().startswith("memset")
    return DeviceWork(
        type="copy" if copy else "fill" if is_fill else "kernel",
        name=recorded_name(event.name),
        device=device,
        stream=stream,
        start_ns=start_ns,
        end_ns=start_ns + round(event.duration_ns),
        correlation=_number(facts.get("correlation_id")),
        bytes=int(size[1]) if size and (copy or is_fill) else None,
        direction=f"{copy[1].upper()}to{(copy[2] or copy[1]).upper()}" if copy else "",
        host_memory=memory[1] if memory and copy else "",
        occupancy=float(occupancy[1]) / 100 if occupancy else None,
        operation=recorded_name(_operation(facts, scopes)),
        instruction=recorded_name(str(facts.get("hlo_op", ""))),
        program=recorded_name(str(facts.get("hlo_module", ""))),
    )


def _operation(facts: Mapping[str, Any], scopes: Scopes) -> str:
    """The operation by the program that XLA compiled, by the name with scopes, or by what else names its launch."""
    instruction, module = str(facts.get("hlo_op", "")), str(facts.get("hlo_module", ""))
    for program in (f"{module}({facts.get('program_id')})", module):
        if found := scopes.get(program, {}).get(instruction):
            return found
    around = _plain(facts, "tf_op")
    if "/" in around and not (instruction and _CALLS_A_PROGRAM.search(around)):
        return around
    return _plain(facts, "hlo_op") or around or _plain(facts, "annotation")


def _plain(facts: Mapping[str, Any], name: str) -> str:
    """The value of a stat without the facts that TensorFlow appends, `#shape=(float[8,4])#`."""
    return str(facts.get(name) or "").split("#", 1)[0]


def _calls(host: list[Line]) -> Iterator[tuple[int, HostCall]]:
    for line in host:
        for event in line.events:
            if (correlation := _number(event.metadata.get("correlation_id"))) is not None:
                start_ns = round(event.start_ns)
                yield correlation, HostCall(event.name, line.name, start_ns, start_ns + round(event.duration_ns))


def _steps(host: list[Line]) -> Iterator[HostSpan]:
    for line in host:
        for event in line.events:
            if (number := _number(event.metadata.get("step_num"))) is not None:
                start_ns = round(event.start_ns)
                yield HostSpan("step", str(number), line.name, start_ns, start_ns + round(event.duration_ns))


def _annotations(host: list[Line], annotation_of: AnnotationOf) -> Iterator[HostSpan]:
    for line in host:
        for event in line.events:
            if (name := annotation_of(event)) is not None:
                start_ns = round(event.start_ns)
                yield HostSpan("annotation", name, line.name, start_ns, start_ns + round(event.duration_ns))


def _device_steps(device: int, plane: Plane) -> Iterator[DeviceStep]:
    for line in plane.lines:
        if line.name == "Steps":
            for event in line.events:
                start_ns = round(event.start_ns)
                yield DeviceStep(device, recorded_name(event.name), start_ns, start_ns + round(event.duration_ns))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
