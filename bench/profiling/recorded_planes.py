"""What torch's profiler recorded of GPUs and their host, as the planes that xprof shows and `anatomy trace` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from anatomy.bench.gpu_trace.host_spans import launch_sites
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostCall, HostSpan, RecordedTrace
from anatomy.bench.profiling.trace_events import STEP
from anatomy.bench.xla.xspace import Event, Line, Plane
from anatomy.bench.xla.xspace_writer import HOST_PLANE, operation_event, step_event


def recorded_planes(recorded: RecordedTrace) -> list[Plane]:
    """The host's threads, with operations, annotations and launches; then a plane for each GPU, with its streams."""
    return [_host_plane(recorded), *_device_planes(recorded)]


def _host_plane(recorded: RecordedTrace) -> Plane:
    numbers = count()
    threads: dict[str, list[Event]] = {}
    for span in sorted(recorded.spans, key=lambda one: one.start_ns):
        threads.setdefault(span.thread, []).append(_host_event(span, numbers))
    for correlation, call in recorded.calls.items():
        threads.setdefault(call.thread, []).append(_event(call.name, call, {"correlation_id": correlation}))
    return Plane(HOST_PLANE, tuple(Line(f"thread {name}", tuple(events)) for name, events in threads.items()))


def _host_event(span: HostSpan, numbers: Iterator[int]) -> Event:
    if span.name == STEP:
        return step_event(next(numbers), span.start_ns, span.end_ns - span.start_ns, STEP)
    if span.type == "operation":
        sequence = {"sequence_nr": span.sequence} if span.sequence >= 0 else {}
        return operation_event(span.name, span.start_ns, span.end_ns - span.start_ns, sequence)
    return _event(span.name, span, {})


def _device_planes(recorded: RecordedTrace) -> Iterator[Plane]:
    devices: dict[int, dict[str, list[Event]]] = {}
    for one, site in zip(recorded.work, launch_sites(recorded), strict=True):
        streams = devices.setdefault(one.device, {})
        operation = site.operations[-1].name if site.operations else ""
        streams.setdefault(one.stream, []).append(_event(_name(one), one, dict(_facts(one, operation))))
    for device, streams in sorted(devices.items()):
        lines = (Line(f"Stream #{stream}", tuple(events)) for stream, events in streams.items())
        yield Plane(f"/device:GPU:{device}", tuple(lines))


def _name(one: DeviceWork) -> str:
    return f"Memcpy{one.direction[0]}2{one.direction[-1]}" if one.direction else one.name


def _facts(one: DeviceWork, operation: str) -> Iterator[tuple[str, Any]]:
    """Under the names of XLA's profiler."""
    if one.correlation is not None:
        yield "correlation_id", one.correlation
    if operation:
        yield "tf_op", operation
    if one.bytes is not None:
        memory = f"kind_src:{one.host_memory} " if one.host_memory else ""
        yield "memcpy_details" if one.type == "copy" else "memset_details", f"{memory}size:{one.bytes}"
    if one.occupancy is not None:
        yield "kernel_details", f"occ_pct:{100 * one.occupancy:g}"


def _event(name: str, what: DeviceWork | HostCall | HostSpan, facts: Mapping[str, Any]) -> Event:
    return Event(name, what.start_ns, what.end_ns - what.start_ns, facts)
