"""Traces of JAX: `jax.profiler` records XLA's operations, the compiled program says which layer each is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import jax

from anatomy.bench.profiling.hlo_reader import reader_of_hlo
from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.trace_events import STEP, Traced
from anatomy.bench.profiling.xspace_trace import read_traced


class Tracer:
    """JAX's own profiler."""

    scopes_at_compile_time = True

    def unsupported_reason(self, model: Any) -> str | None:
        """Eager operations carry no scopes."""
        return None if model.jit_compile else "without jit JAX runs operation by operation and names no layers"

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """A scope that the compiler keeps."""
        found: AbstractContextManager[Any] = jax.named_scope(name)
        return found

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host."""
        found: AbstractContextManager[Any] = jax.profiler.TraceAnnotation(name)
        return found

    def step(self, number: int) -> AbstractContextManager[Any]:
        """A step, as xprof counts them."""
        found: AbstractContextManager[Any] = jax.profiler.StepTraceAnnotation(STEP, step_num=number)
        return found

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Python's own calls are left out, since watching them costs more than they do."""
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0
        with jax.profiler.trace(str(folder), profiler_options=options):
            yield

    def graph(self, step: Any) -> bytes | None:
        """None that TensorBoard shows."""
        return None

    def read(self, path: Path, step: Any, layers: Layers) -> Traced:
        """Operations joined to the compiled program, which is cached."""
        text = step.function.lower(step._state, step._data).compile().as_text()
        weights = {f"state[0][{place}]": layers.of_weight(one) for place, one in enumerate(step._groups[0])}
        return read_traced(path, reader_of_hlo(text, layers, {name: one for name, one in weights.items() if one}))
