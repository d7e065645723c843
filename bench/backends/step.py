"""What every backend offers to the worker: a compiled step that can be launched and drained."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from anatomy.bench.records.case import KerasBackend, Mode

# The path and a checksum of each trainable weight, in the model's order.
WeightSums = list[tuple[str, int]]


@dataclass(frozen=True)
class Batch:
    """Data of one step, on the host.

    Attributes:
        x: inputs, in the structure that the model takes.
        y: targets, in training; `None` for a model that is trained on its inputs alone.
        sample_weight: weights of the examples; `None` for none.
        dataset: what `fit` and `predict` read instead, where the user gave a dataset; the other fields are of its
            first batches.
        dataset_batch: number of examples in each of its batches.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    dataset: Any = None
    dataset_batch: int = 0

    def of_step(self, trains: bool) -> Any:
        """What a step is given: as `fit` packs it in training, else the inputs alone.

        https://keras.io/api/models/model_training_apis/: inputs alone come as they are, unless they are a structure.
        """
        if not trains:
            return (self.x,)
        if self.sample_weight is not None:
            return self.x, self.y, self.sample_weight
        if self.y is not None:
            return self.x, self.y
        return (self.x,) if isinstance(self.x, list | tuple | dict) else self.x


def loss_of(logs: Any) -> float | None:
    """The loss that the logs of a train step report: `loss`, else the first whose name has it in; else `None`."""
    if isinstance(logs, Mapping):
        name = "loss" if "loss" in logs else next((name for name in logs if "loss" in str(name)), None)
        return None if name is None else _number(logs[name])
    return _number(logs)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return None


def checksum(array: np.ndarray[Any, Any]) -> int:
    """CRC-32 of the values; it differs if any bit of them does."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


class Step(Protocol):
    """A compiled step bound to its model and to data that is already on the device."""

    def launch(self) -> Any:
        """Start one step and return its outputs, which may be unfinished (asynchronous dispatch)."""

    def drain(self, outputs: Sequence[Any]) -> None:
        """Return when all these outputs, and the state their steps have changed, are computed."""

    def loss(self, outputs: Any) -> float | None:
        """The loss that a train step reported, in Keras the mean over the steps so far; null without one."""

    def use(self, batch: Batch) -> None:
        """Put other data of the same shapes on the device for the steps that follow."""

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        """The values of the outputs of one step on the host, read without the help of `drain`."""

    def weights(self) -> WeightSums:
        """A checksum of each trainable weight as it is now."""

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        """Give the trainable weights other values for the steps that follow; it may be refused, saying so.

        Raises:
            NotImplementedError: this step cannot take other weights.
        """

    def restore(self) -> None:
        """Give the model's variables the state the steps have left, where a step keeps it apart."""

    def programs(self) -> int:
        """How many programs were traced or compiled for this step so far; 0 where it runs eagerly."""


class StepBackend(Protocol):
    """What makes steps: the module of a backend, or a group of devices."""

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


class StepModule(StepBackend, Protocol):
    """A module of this package, one a backend, named `<backend>_step`."""

    def refusal(self, model: Any, batch: Batch) -> Exception | None:
        """What the model's `train_step` raises when it is given this batch, and `None` if it takes it.

        The model's state is afterwards what it was.
        """


def load(backend: KerasBackend) -> StepModule:
    """Import the module of one backend. Keras must already run on it (`KERAS_BACKEND`)."""
    return cast("StepModule", import_module(f"anatomy.bench.backends.{backend}_step"))
