"""A group of devices that share each step: what the worker needs of it, and which one a case gets."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from anatomy.bench.backends import step as step_module
from anatomy.bench.backends.step import Batch, Step, StepBackend
from anatomy.bench.machine.peak_memory import PeakMeter, resident_bytes
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import LOOPS, Case, Mode
from anatomy.bench.workload.build_case import Built

Array = np.ndarray[Any, Any]
Build = Callable[[Case], Built]


class Group(StepBackend, Protocol):
    """The devices of a case, and the backend that runs on them. Closed when the case ends.

    Attributes:
        processes: how many compute.
    """

    processes: int

    def building(self) -> AbstractContextManager[Any]:
        """Within it the model is built and compiled, so that its variables lie where they must."""

    def replicas(self, model: Any) -> list[list[Array]]:
        """The trainable variables as each device holds them, copies on the host: device → variable → values."""

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Seconds of each of `repeats` sums of `size_bytes` of float32 over all devices; empty on one device."""

    def base_host_bytes(self) -> int:
        """Resident memory before the model is built, over all processes of the group."""

    def meter(self) -> PeakMeter:
        """A new meter of the peak, over all processes of the group."""

    def close(self) -> None:
        """End what the group started."""


class OneDevice:
    """The group of one: the backend's own module."""

    processes = 1

    def __init__(self, backend: StepBackend) -> None:
        self._backend = backend

    def initialise(self, seed: int) -> None:
        """As the backend does."""
        self._backend.initialise(seed)

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> Step:
        """As the backend does."""
        return self._backend.prepare(model, batch, mode)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """As the backend says."""
        return self._backend.settings(model, step)

    def on_cpu(self) -> bool:
        """As the backend says."""
        return self._backend.on_cpu()

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """As the backend says."""
        return self._backend.peak_device_bytes()

    def building(self) -> AbstractContextManager[Any]:
        """Nothing is different."""
        return nullcontext()

    def replicas(self, model: Any) -> list[list[Array]]:
        """The one copy there is."""
        return [[np.array(values) for values in map(_on_host, model.trainable_variables)]]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Nothing to add up."""
        return []

    def base_host_bytes(self) -> int:
        """Of this process."""
        return resident_bytes()

    def meter(self) -> PeakMeter:
        """Of this process."""
        return PeakMeter()

    def close(self) -> None:
        """Nothing was started."""


def open_group(case: Case, build: Build, emit: Emit) -> Group:
    """The devices of a case on this machine; to be called before the backend has touched any.

    Args:
        build: builds the case's model and batch; called in each process of the group.
        emit: what a process of the group that fails reports to.

    Raises:
        NotImplementedError: the backend cannot do it, or there are not so many devices here.
    """
    if case.devices == 1:
        return OneDevice(step_module.load(case.backend))
    require_shareable(case)
    module = import_module(f"anatomy.bench.parallel.{case.backend}_group")
    return cast("Group", module.open_group(case, build, emit))


def require_shareable(case: Case) -> None:
    """What several devices cannot do.

    Raises:
        NotImplementedError: always with what to do instead.
    """
    parts = case.devices // case.model_parallel
    if case.batch_size % parts:
        nearest = parts * max(1, round(case.batch_size / parts))
        raise NotImplementedError(
            f"a batch of {case.batch_size} does not divide into {parts} equal parts; use --batch-size {nearest}"
        )
    if case.model_parallel > 1 and case.backend != "jax":
        raise NotImplementedError(
            f"Keras shares a model's weights between devices on JAX alone, not on {case.backend}; use --backend jax"
        )
    if case.model_parallel > 1 and case.nodes > 1:
        raise NotImplementedError("a model's weights are shared between devices of one node here; leave --nodes out")
    if case.backend == "openvino":
        raise NotImplementedError("Keras on OpenVINO has no data parallelism; use --devices 1")
    if case.mode in LOOPS and case.backend == "torch":
        raise NotImplementedError(
            "Keras's own loop on torch does not synchronise gradients between devices; use --mode train or infer"
        )
    if case.options.get("stateful") and case.backend != "jax":
        raise NotImplementedError(
            f"a stateful model is built for one batch size, and on {case.backend} each device sees a part of the batch"
        )


def share_of_cores(devices: int) -> int:
    """Threads of each of several processes that compute on the CPU at once."""
    return max(1, len(os.sched_getaffinity(0)) // devices)


def too_few(wanted: int, found: int, kind: str) -> NotImplementedError:
    """The error of a machine with fewer devices than were asked for."""
    return NotImplementedError(f"{wanted} devices were asked for and this machine has {found} {kind}")


def _on_host(variable: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(variable.value)
