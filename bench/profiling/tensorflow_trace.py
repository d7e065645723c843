"""Trace TensorFlow, whose executor names an operation by its scopes: `conv1__L4_anatomy/Relu:Relu`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from anatomy.bench.backends.tensorflow_step import on_cpu
from anatomy.bench.profiling.hlo_reader import hlo_event_reader
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.tensorflow_work import FETCHING, operation_work, tensorflow_device_trace
from anatomy.bench.profiling.trace_events import STEP, Trace, TraceEvent, Work
from anatomy.bench.profiling.xla_kernels import xla_device_trace
from anatomy.bench.profiling.xspace_trace import Reader, read_device_work, read_trace
from anatomy.bench.xla.xspace import Event

# Operations that run a graph of their own.
_CONTAINERS = ("While", "StatelessWhile", "If", "StatelessIf", "Case", "PartitionedCall", "StatefulPartitionedCall")


class Tracer:
    """Traces with TensorFlow's own profiler; see `tracer.Tracer`."""

    scopes_at_compile_time = True

    def unsupported_reason(self, compiled: bool) -> str | None:
        """`None`: every model can be profiled."""
        return None

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """A name scope, which the graph keeps."""
        found: AbstractContextManager[Any] = tf.name_scope(name)
        return found

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host in the trace."""
        found: AbstractContextManager[Any] = tf.profiler.experimental.Trace(name)
        return found

    def step(self, number: int) -> AbstractContextManager[Any]:
        """An event around a step, which xprof recognises as a step."""
        found: AbstractContextManager[Any] = tf.profiler.experimental.Trace(STEP, step_num=number, _r=1)
        return found

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Record a trace, without Python calls: tracing those costs more than the calls themselves."""
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
        tf.profiler.experimental.start(str(folder), options=options)
        try:
            yield
        finally:
            tf.profiler.experimental.stop()

    def graph(self, step: Any) -> bytes | None:
        """The graph of the traced function, without weights."""
        found: bytes = step.graph().as_graph_def().SerializeToString()
        return found

    def read(self, path: Path, step: Any, layers: LayerIndex) -> Trace:
        """Attribute operations by their names or, if XLA compiled the step, by the compiled program."""
        text = step.hlo_text()
        if not on_cpu():
            recorded = read_device_work(path, FETCHING)
            if text is None:
                return tensorflow_device_trace(recorded, layers)
            return xla_device_trace(recorded, text, layers, one_program=True)
        if text is not None:
            # This text is of another compilation, whose module has another name than the traced one. Nothing else
            # in the trace runs through XLA.
            return read_trace(path, hlo_event_reader(text, layers, one_program=True))
        return read_trace(path, operation_event_reader(layers), FETCHING)


def operation_event_reader(layers: LayerIndex) -> Reader:
    """A reader of events that the executor names `scopes/operation:Type`."""
    known: dict[str, Work] = {}

    def read_event(event: Event, end: float) -> TraceEvent | None:
        place, colon, kind = event.name.rpartition(":")
        if not colon or kind != event.display_name or kind == FETCHING:
            return None
        work = known.get(event.name)
        if work is None:
            work = known[event.name] = operation_work(place.split("/")[:-1], kind, layers)
        return TraceEvent(event.start_ns / 1e9, end, work, "container" if kind in _CONTAINERS else "operation")

    return read_event
