"""What a profiler recorded of GPUs and of the host that drives them, in one form for every file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable

WorkType = Literal["kernel", "copy", "fill"]
SpanType = Literal["operation", "annotation", "module", "step"]


class TraceFileError(UsageError):
    """A file that is no trace of a GPU, or a damaged one: the message names the file, the place and the remedy."""


class NoDeviceWorkError(TraceFileError):
    """A trace that is whole, in which a GPU did nothing."""


def recorded_name(text: str) -> str:
    """A name from a file on one line, without control characters."""
    return text if text.isprintable() else " ".join(printable(text).split())


@dataclass(frozen=True, slots=True)
class DeviceWork:
    """A kernel, a copy or a fill of memory, as a device ran it.

    Attributes:
        device: number of the device within its process.
        stream: name of the stream, unique within the device.
        start_ns: nanoseconds on the trace's own clock; `end_ns` likewise.
        correlation: number of the call of the host that launched it.
        external: number of the operation that launched it, where the profiler gave one.
        bytes: size of a copy or a fill.
        direction: of a copy: `HtoD`, `DtoH`, `DtoD`, `PtoP`.
        host_memory: of a copy: `pageable` or `pinned`, where the profiler says so.
        occupancy: share of the warps that a multiprocessor can hold, 0 to 1, as the profiler estimates it.
        operation: what launched it by the profiler's own word (XLA, TensorFlow); torch's is found by time.
        instruction: of the program that XLA compiled; empty for others.
        program: name of that program.
        in_graph: whether a CUDA graph launched it, of which the trace numbers the nodes.
    """

    type: WorkType
    name: str
    device: int
    stream: str
    start_ns: int
    end_ns: int
    correlation: int | None = None
    external: int | None = None
    bytes: int | None = None
    direction: str = ""
    host_memory: str = ""
    occupancy: float | None = None
    operation: str = ""
    instruction: str = ""
    program: str = ""
    in_graph: bool = False


@dataclass(frozen=True, slots=True)
class HostCall:
    """A call of the CUDA or HIP runtime or driver."""

    name: str
    thread: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class HostSpan:
    """Something with a name that a thread of the host did: an operation, a layer's call, an annotation, a step.

    Attributes:
        external: number by which device work refers to an operation.
        sequence: autograd's number, which a forward operation and its gradient share; -1 for none.
        backward: autograd ran it: it has the number of the thread of its forward operation.
    """

    type: SpanType
    name: str
    thread: str
    start_ns: int
    end_ns: int
    external: int | None = None
    sequence: int = -1
    backward: bool = False


@dataclass(frozen=True, slots=True)
class DeviceStep:
    """A step as the profiler marks it on a device, rather than on the host."""

    device: int
    name: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class EventWait:
    """The host told a stream to wait for an event of another (`cudaStreamWaitEvent`).

    Attributes:
        called_ns: when it told so: what it launches onto the stream later waits.
        on_stream: the stream that the event was recorded on; empty where that is not known.
        recorded_ns: when the host recorded the event there: what it had launched onto that stream is waited for.
    """

    device: int
    stream: str
    called_ns: int
    on_stream: str
    recorded_ns: int


@dataclass(frozen=True)
class RecordedTrace:
    """All of a file.

    Attributes:
        source: the profiler's format, `Kineto` or `XSpace`.
        calls: correlation → the call that launched work.
        device_names: device → the card's name, where the file has it.
        rank: of a distributed program; `None` outside of one.
        resolution_ns: of its times: 1000 where all are whole microseconds.
        event_waits: of streams for each other; `None` for a trace that records none of them.
        notes: what the reader left out, a sentence each.
    """

    source: str
    work: tuple[DeviceWork, ...]
    calls: Mapping[int, HostCall] = field(default_factory=dict)
    spans: tuple[HostSpan, ...] = ()
    device_steps: tuple[DeviceStep, ...] = ()
    device_names: Mapping[int, str] = field(default_factory=dict)
    rank: int | None = None
    ranks: int | None = None
    resolution_ns: int = 1
    event_waits: tuple[EventWait, ...] | None = None
    notes: tuple[str, ...] = ()

    def launch(self, work: DeviceWork) -> HostCall | None:
        """The call that launched this work, if it was recorded."""
        return None if work.correlation is None else self.calls.get(work.correlation)
