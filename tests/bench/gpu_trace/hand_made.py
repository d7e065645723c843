"""Traces made by hand: the files that profilers write, and what the readers make of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.gpu_trace.device_timeline import DeviceTimeline, device_timelines
from anatomy.bench.gpu_trace.recorded_work import (
    DeviceWork,
    EventWait,
    HostCall,
    HostSpan,
    RecordedTrace,
    WorkType,
)
from anatomy.bench.xla.xspace import Event, Line, Plane
from anatomy.bench.xla.xspace_writer import write_xspace

NCCL = "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"
GEMM = "ampere_sgemm_128x64_nn"


def work(
    name: str, start: int, end: int, stream: str = "7", launch: int | None = None, **further: Any
) -> tuple[DeviceWork, int | None]:
    """A kernel (`NCCL` for a collective), or a copy for a name that begins with Memcpy, and its launch."""
    type_: WorkType = "copy" if name.startswith("Memcpy") else "fill" if name.startswith("Memset") else "kernel"
    return DeviceWork(type_, name, 0, stream, start, end, **further), launch


def traced(
    pieces: Iterable[tuple[DeviceWork, int | None]],
    spans: Sequence[HostSpan] = (),
    event_waits: tuple[EventWait, ...] | None = None,
) -> RecordedTrace:
    """A trace of these pieces; each launch takes a nanosecond."""
    from dataclasses import replace

    held = list(pieces)
    calls = {n: HostCall("cudaLaunchKernel", "main", at, at + 1) for n, (_, at) in enumerate(held) if at is not None}
    numbered = (replace(one, correlation=n if at is not None else None) for n, (one, at) in enumerate(held))
    return RecordedTrace("Kineto", tuple(numbered), calls, tuple(spans), event_waits=event_waits)


def timeline(
    pieces: Iterable[tuple[DeviceWork, int | None]], event_waits: tuple[EventWait, ...] | None = None
) -> DeviceTimeline:
    (found,) = device_timelines(traced(pieces, event_waits=event_waits))
    return found


def event(category: str, name: str, start: Any, duration: Any, **args: Any) -> dict[str, Any]:
    """A complete event of Kineto; times in microseconds."""
    return {"ph": "X", "cat": category, "name": name, "pid": 1, "tid": 2, "ts": start, "dur": duration, "args": args}


def kernel(name: str, start: Any, duration: Any, correlation: int = 1, stream: int = 7, **args: Any) -> dict[str, Any]:
    more = {"device": 0, "stream": stream, "correlation": correlation, **args}
    return event("kernel", name, start, duration, **more)


def launch(start: Any, correlation: int = 1, duration: Any = 3, name: str = "cudaLaunchKernel") -> dict[str, Any]:
    return event("cuda_runtime", name, start, duration, correlation=correlation)


def write_kineto(path: Path, events: Sequence[Any], **head: Any) -> Path:
    path.write_text(json.dumps({"schemaVersion": 1, **head, "traceEvents": events}))
    return path


def write_xplane(path: Path, device: Sequence[Line], host: Sequence[Event] = ()) -> Path:
    write_xspace(path, [Plane("/host:CPU", (Line("main", tuple(host)),)), Plane("/device:GPU:0", tuple(device))])
    return path
