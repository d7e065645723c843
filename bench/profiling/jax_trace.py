"""Trace JAX: `jax.profiler` records XLA's operations, and the compiled program says which layer each belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import jax

from anatomy.bench.backends.jax_step import on_cpu
from anatomy.bench.profiling.hlo_reader import hlo_event_reader
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import STEP, Trace
from anatomy.bench.profiling.xla_kernels import xla_device_trace
from anatomy.bench.profiling.xspace_trace import read_device_work, read_trace


class Tracer:
    """Traces with JAX's own profiler; see `tracer.Tracer`."""

    scopes_at_compile_time = True

    def unsupported_reason(self, compiled: bool) -> str | None:
        """Reason for a step without jit: eager operations carry no scopes."""
        return None if compiled else "without jit JAX runs operation by operation and names no layers"

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
        if not on_cpu():
            return xla_device_trace(read_device_work(path), step.hlo_text(), layers, weights)
        return read_trace(path, hlo_event_reader(step.hlo_text(), layers, weights))
