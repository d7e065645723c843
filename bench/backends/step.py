"""What every backend offers to the worker: a compiled step that can be launched and drained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from anatomy.bench.case import Backend, Mode


@dataclass(frozen=True)
class Batch:
    """Synthetic data of one step, on the host: inputs, and targets in train mode (else None)."""

    x: Any
    y: Any = None


class Step(Protocol):
    """A compiled step bound to its model and to data that is already on the device."""

    def launch(self) -> Any:
        """Start one step and return its outputs, which may be unfinished (asynchronous dispatch)."""

    def drain(self, outputs: Sequence[Any]) -> None:
        """Return when all these outputs, and the state their steps have changed, are computed."""

    def loss(self, outputs: Any) -> float | None:
        """The loss a train step reported, null in infer mode."""


class StepBackend(Protocol):
    """A module of this package, one a backend, named `<backend>_step`."""

    def initialise(self, seed: int) -> None:
        """Seed the framework and create the device's client: its cost belongs to the start, not to the build."""

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> Step:
        """Put data and state on the device and make the step; nothing is compiled yet."""

    def settings(self, model: Any, step: Step) -> dict[str, Any]:
        """What is in effect, read after the first step: jit, threads, matmul precision, device, …"""

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """The framework allocator's peak on the device, or null and why."""


def load(backend: Backend) -> StepBackend:
    """Import the module of one backend. Keras must already run on it (`KERAS_BACKEND`)."""
    return cast("StepBackend", import_module(f"anatomy.bench.backends.{backend}_step"))
