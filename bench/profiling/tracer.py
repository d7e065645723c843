"""What every backend offers to the profiler: scopes that lead from an operation to its layer, and a trace."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.trace_events import Traced
from anatomy.bench.records.case import Backend


class Tracer(Protocol):
    """One backend's profiler; for one trace.

    Attributes:
        scopes_at_compile_time: scopes are read when the step is traced and compiled, and cost it nothing; else they
            are open while it runs, and are opened for the trace alone.
    """

    scopes_at_compile_time: bool

    def unsupported_reason(self, model: Any) -> str | None:
        """Why the time of the compiled model's step cannot be attributed to layers; `None` if it can."""

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """A scope that operations keep."""

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host in the trace."""

    def step(self, number: int) -> AbstractContextManager[Any]:
        """An event of the host around a step."""

    def recording(self, folder: Path) -> AbstractContextManager[None]:
        """Record within it; the trace lies below `folder`, a log directory of TensorBoard's, at its end."""

    def graph(self, step: Any) -> bytes | None:
        """The step as a serialised GraphDef, where the backend has one."""

    def read(self, path: Path, step: Any, layers: Layers) -> Traced:
        """What was recorded and now lies in `path`."""


def open_tracer(backend: Backend) -> Tracer:
    """The profiler of one backend. Keras must already run on it (`KERAS_BACKEND`)."""
    module = import_module(f"anatomy.bench.profiling.{backend}_trace")
    return cast("Tracer", module.Tracer())
