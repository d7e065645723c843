"""Trace JAX: `jax.profiler` records XLA's operations, and the compiled program says which layer each belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import jax

from anatomy.bench.profiling.hlo_reader import hlo_event_reader
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import STEP, Trace
from anatomy.bench.profiling.xspace_trace import read_trace


class Tracer:
    """Traces with JAX's own profiler; see `tracer.Tracer`."""

    scopes_at_compile_time = True

    def unsupported_reason(self, model: Any) -> str | None:
        """Reason for a model without jit: eager operations carry no scopes."""
        return None if model.jit_compile else "without jit JAX runs operation by operation and names no layers"

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """A named scope, which the compiler keeps."""
        found: AbstractContextManager[Any] = jax.named_scope(name)
        return found

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host in the trace."""
        found: AbstractContextManager[Any] = jax.profiler.TraceAnnotation(name)
        return found

    def step(self, number: int) -> AbstractContextManager[Any]:
        """An event around a step, which xprof recognises as a step."""
        found: AbstractContextManager[Any] = jax.profiler.StepTraceAnnotation(STEP, step_num=number)
        return found

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Record a trace, without Python calls: tracing those costs more than the calls themselves."""
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0
        with jax.profiler.trace(str(folder), profiler_options=options):
            yield

    def graph(self, step: Any) -> bytes | None:
        """`None`: JAX has no graph that TensorBoard shows."""
        return None

    def read(self, path: Path, step: Any, layers: LayerIndex) -> Trace:
        """Attribute operations by the compiled program, which is cached."""
        owners = {name: layers.layer_of_weight(variable) for name, variable in step.weight_arguments().items()}
        weights = {name: owner for name, owner in owners.items() if owner}
        return read_trace(path, hlo_event_reader(step.hlo_text(), layers, weights))
