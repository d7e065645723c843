"""Traces of TensorFlow, whose executor names an operation by its scopes: `conv1__L4_anatomy/Relu:Relu`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from anatomy.bench.profiling.hlo_reader import reader_of_hlo
from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.trace_events import STEP, Activity, Traced, Work
from anatomy.bench.profiling.work_kinds import is_remapped, kind_of
from anatomy.bench.profiling.xspace_trace import Reader, read_traced
from anatomy.bench.records.case_profile import OPTIMIZER, Pass
from anatomy.bench.xla.xspace import Event

# Draws a batch within the graph of `fit`: waiting, not computing.
FETCHING = "IteratorGetNext"
# Operations that run a graph of their own.
_CONTAINERS = ("While", "StatelessWhile", "If", "StatelessIf", "Case", "PartitionedCall", "StatefulPartitionedCall")
_GRADIENTS = ("gradient_tape", "gradients")


class Tracer:
    """TensorFlow's own profiler."""

    scopes_at_compile_time = True

    def unsupported_reason(self, model: Any) -> str | None:
        """Nothing stands in the way."""
        return None

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """A scope that the graph keeps."""
        found: AbstractContextManager[Any] = tf.name_scope(name)
        return found

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host."""
        found: AbstractContextManager[Any] = tf.profiler.experimental.Trace(name)
        return found

    def step(self, number: int) -> AbstractContextManager[Any]:
        """A step, as xprof counts them."""
        found: AbstractContextManager[Any] = tf.profiler.experimental.Trace(STEP, step_num=number, _r=1)
        return found

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Python's own calls are left out, since watching them costs more than they do."""
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
        tf.profiler.experimental.start(str(folder), options=options)
        try:
            yield
        finally:
            tf.profiler.experimental.stop()

    def graph(self, step: Any) -> bytes | None:
        """Of the traced function, without weights."""
        found: bytes = step.function.get_concrete_function(step._data).graph.as_graph_def().SerializeToString()
        return found

    def read(self, path: Path, step: Any, layers: Layers) -> Traced:
        """Operations by their names; where XLA compiled them, joined to the compiled program."""
        if step._model.jit_compile:
            text = step.function.experimental_get_compiler_ir(step._data)(stage="optimized_hlo")
            # The text is of the function compiled once more: the traced module's name has other numbers, and in
            # `fit` and `predict` that of the function around it. Nothing else runs through XLA.
            return read_traced(path, reader_of_hlo(text, layers, one_program=True))
        return read_traced(path, reader_of_operations(layers), FETCHING)


def reader_of_operations(layers: Layers) -> Reader:
    """Reads events that the executor names `scopes/operation:Type`."""
    known: dict[str, Work] = {}

    def read_event(event: Event, end: float) -> Activity | None:
        place, colon, kind = event.name.rpartition(":")
        if not colon or kind != event.display_name or kind == FETCHING:
            return None
        work = known.get(event.name)
        if work is None:
            work = known[event.name] = _work(place.split("/")[:-1], kind, layers)
        return Activity(event.start_ns / 1e9, end, work, "container" if kind in _CONTAINERS else "operation")

    return read_event


def _work(scopes: list[str], kind: str, layers: Layers) -> Work:
    layer = layers.find(scopes)
    pass_: Pass = "backward" if any(scope in _GRADIENTS for scope in scopes) else "forward"
    if layer == OPTIMIZER:
        pass_ = "update"
    # How many operations were merged is in the node's attributes, which the trace does not have.
    return Work(layer, kind, kind_of(kind, layer, layers.family(layer)), pass_, None if is_remapped(kind) else 1)
