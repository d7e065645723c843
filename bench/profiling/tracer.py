"""The interface of a backend's profiler: scopes that lead from an operation to its layer, and a trace."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import Trace
from anatomy.bench.records.case import KerasBackend


class Tracer(Protocol):
    """A backend's profiler, for one trace.

    Attributes:
        scopes_at_compile_time: whether scopes are read when the step is compiled, and then cost nothing. Otherwise they
            are opened whenever the step runs, and are therefore set up for the trace alone.
    """

    scopes_at_compile_time: bool

    def unsupported_reason(self, compiled: bool) -> str | None:
        """Why the time of a step cannot be attributed to layers; `None` if it can.

        Args:
            compiled: whether the step is compiled as a whole (`--jit`).
        """

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """A scope whose name operations within it keep."""

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host in the trace."""

    def step(self, number: int) -> AbstractContextManager[Any]:
        """An event of the host around a step."""

    def recording(self, folder: Path) -> AbstractContextManager[None]:
        """Record everything that runs within it; the trace is then below `folder`, a TensorBoard log directory."""

    def graph(self, step: Any) -> bytes | None:
        """The step as a serialised GraphDef; `None` for backends without one."""

    def read(self, path: Path, step: Any, layers: LayerIndex) -> Trace:
        """The recorded trace, which is now the file `path`."""


def open_tracer(backend: KerasBackend) -> Tracer:
    """The profiler of one backend. Keras must already run on it (`KERAS_BACKEND`)."""
    module = import_module(f"anatomy.bench.profiling.{backend}_trace")
    return cast("Tracer", module.Tracer())
