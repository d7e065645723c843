"""What every backend offers to the worker: a compiled step that can be launched and drained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from anatomy.bench.records.case import Backend, Mode


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
        """The loss a train step reported (Keras's running mean over the steps), null in infer mode."""

    def use(self, batch: Batch) -> None:
        """Put other data of the same shapes on the device for the steps that follow."""

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        """The values of the outputs of one step on the host, read without the help of `drain`."""

    def weight(self) -> np.ndarray[Any, Any]:
        """The last trainable variable (the output layer's) as it is now."""

    def restore(self) -> None:
        """Give the model's variables the state the steps have left, where a step keeps it apart."""

    def programs(self) -> int:
        """How many programs were traced or compiled for this step so far; 0 where it runs eagerly."""


class StepBackend(Protocol):
    """A module of this package, one a backend, named `<backend>_step`."""

    def initialise(self, seed: int) -> None:
        """Seed the framework and create the device's client: its cost belongs to the start, not to the build."""

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> Step:
        """Put data and state on the device and make the step; nothing is compiled yet."""

    def settings(self, model: Any, step: Step) -> dict[str, Any]:
        """What is in effect, read after the first step: jit, threads, matmul precision, device, …"""

    def on_cpu(self) -> bool:
        """Whether steps run on the CPU, so that CPU time shows their work."""

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """The framework allocator's peak on the device, or null and why."""


def load(backend: Backend) -> StepBackend:
    """Import the module of one backend. Keras must already run on it (`KERAS_BACKEND`)."""
    return cast("StepBackend", import_module(f"anatomy.bench.backends.{backend}_step"))
