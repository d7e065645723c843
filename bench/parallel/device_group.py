"""The interface of a group of devices that share each step, and which group a case gets."""

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
from anatomy.bench.native.native_backend import NativeBackend
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import LOOPS, Case, Mode
from anatomy.bench.workload.build_case import Built

Array = np.ndarray[Any, Any]
Build = Callable[[Case], Built]


class Group(StepBackend, Protocol):
    """The devices of a case and the backend that runs on them. Close it when the case ends.

    Attributes:
        processes: number of processes that compute.
    """

    processes: int

    def building(self) -> AbstractContextManager[Any]:
        """Context in which to build and compile the model; it places the variables on the devices."""

    def replicas(self, model: Any) -> list[list[Array]]:
        """Copies of the trainable variables as each device holds them: device → variable → values."""

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Seconds of each of `repeats` all-reduces of `size_bytes` of float32; empty where the devices do none."""

    def base_host_bytes(self) -> int:
        """Resident memory of all processes of the group before the model is built."""

    def meter(self) -> PeakMeter:
        """A new meter of the peak memory of all processes of the group."""

    def close(self) -> None:
        """End the processes that the group started."""


class OneDevice:
    """A group of one device; every method calls the backend's own module."""

    processes = 1

    def __init__(self, backend: StepBackend) -> None:
        self._backend = backend

    def initialise(self, seed: int) -> None:
        """Initialise the backend; see `StepBackend`."""
        self._backend.initialise(seed)

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> Step:
        """The step of the model; see `StepBackend`."""
        return self._backend.prepare(model, batch, mode)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The settings in effect; see `StepBackend`."""
        return self._backend.settings(model, step)

    def on_cpu(self) -> bool:
        """Whether the backend computes on the CPU."""
        return self._backend.on_cpu()

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """Peak memory of the device in bytes, or `None` and the reason."""
        return self._backend.peak_device_bytes()

    def building(self) -> AbstractContextManager[Any]:
        """A context that does nothing."""
        return nullcontext()

    def replicas(self, model: Any) -> list[list[Array]]:
        """Copies of the trainable variables of the one device."""
        return [[np.array(values) for values in map(_on_host, model.trainable_variables)]]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """An empty list: there is nothing to reduce on one device."""
        return []

    def base_host_bytes(self) -> int:
        """Resident memory of this process."""
        return resident_bytes()

    def meter(self) -> PeakMeter:
        """A new meter of the peak memory of this process."""
        return PeakMeter()

    def close(self) -> None:
        """Do nothing: no process was started."""


def open_group(case: Case, build: Build, emit: Emit) -> Group:
    """The group of a case on this machine. Call it before the backend has initialised a device.

    Args:
        build: builds the case's model and batch; called in each process of the group.
        emit: reports events of a process of the group that fails.

    Raises:
        NotImplementedError: the backend cannot share this case, or this machine has too few devices.
    """
    if case.native:
        return OneDevice(NativeBackend(case))
    if case.devices == 1:
        return OneDevice(step_module.load(case.keras_backend))
    require_shareable(case)
    module = import_module(f"anatomy.bench.parallel.{case.backend}_group")
    return cast("Group", module.open_group(case, build, emit))


def require_shareable(case: Case) -> None:
    """Raise where several devices cannot share a case.

    Raises:
        NotImplementedError: they cannot; the message says what to do instead.
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


def threads_per_process(devices: int) -> int:
    """Threads for each of several processes that compute on the CPU at the same time: an equal share of the cores."""
    return max(1, len(os.sched_getaffinity(0)) // devices)


def too_few_devices(wanted: int, found: int, kind: str) -> NotImplementedError:
    """The error for a machine with fewer devices than the case needs; `kind` names the devices found."""
    return NotImplementedError(f"{wanted} devices were asked for and this machine has {found} {kind}")


def _on_host(variable: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(variable.value)
