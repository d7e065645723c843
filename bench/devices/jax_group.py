"""Data parallelism on JAX: `keras.distribution.DataParallel`, one program for all devices (SPMD).

Source: https://keras.io/guides/distribution/. The variables are replicated, the batch is split along its first axis,
and XLA adds the all-reduce of the gradients. Without an accelerator the devices are virtual ones of the CPU.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import keras
import numpy as np

from anatomy.bench.backends import jax_step
from anatomy.bench.backends import step as step_module
from anatomy.bench.backends.step import Batch
from anatomy.bench.case import Case, Mode
from anatomy.bench.devices.group import Array, Build, Emit, OneDevice, too_few


class OneInFlight(jax_step.JaxStep):
    """The step on virtual devices: it is launched when the one before has ended.

    XLA's threads for the CPU are as many as its cores. Where two steps are in flight, an all-reduce of each may hold
    one and wait for the other, and XLA ends the process after 40 s.
    """

    def launch(self) -> Any:
        """Wait for the state, then dispatch."""
        jax.block_until_ready(self._state)
        return super().launch()


class JaxGroup(OneDevice):
    """All devices belong to this process."""

    def __init__(self, devices: int) -> None:
        super().__init__(step_module.load("jax"))
        # Read when the CPU's client is created; devices of accelerators are what they are.
        jax.config.update("jax_num_cpu_devices", devices)
        self._devices = jax.devices()[:devices]
        if len(self._devices) < devices:
            raise too_few(devices, len(self._devices), f"of JAX's kind {jax.default_backend()}")
        names = keras.distribution.list_devices()[:devices]
        # For the whole process: the step asks for it when it puts data on the devices.
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> jax_step.JaxStep:
        """Split the batch and take the state out of the model."""
        kind = OneInFlight if self.on_cpu() and mode == "train" else jax_step.JaxStep
        return kind(model, batch, mode)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The backend's, and what shares the step."""
        shared = {"devices": len(self._devices), "strategy": "DataParallel", "virtual_devices": self.on_cpu()}
        return super().settings(model, step) | shared

    def building(self) -> AbstractContextManager[Any]:
        """The distribution is in force already."""
        return nullcontext()

    def replicas(self, model: Any) -> list[list[Array]]:
        """Each device's own copy of every variable."""
        copies = [
            {shard.device: np.array(shard.data) for shard in variable.value.addressable_shards}
            for variable in model.trainable_variables
        ]
        return [[of_device[device] for of_device in copies] for device in self._devices]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """A `psum` in a program of its own."""
        mesh = jax.sharding.Mesh(np.array(self._devices), ("batch",))
        spec = jax.sharding.PartitionSpec("batch")
        add_up = jax.jit(
            jax.shard_map(
                lambda part: jax.lax.psum(part, "batch"),
                mesh=mesh,
                in_specs=spec,
                out_specs=jax.sharding.PartitionSpec(),
            )
        )
        whole = np.ones((len(self._devices), max(1, size_bytes // 4)), np.float32)
        parts = jax.device_put(whole, jax.sharding.NamedSharding(mesh, spec))
        jax.block_until_ready(add_up(parts))
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            jax.block_until_ready(add_up(parts))
            seconds.append(time.perf_counter() - start)
        return seconds


def open_group(case: Case, build: Build, emit: Emit) -> JaxGroup:
    """The group of a case."""
    return JaxGroup(case.devices)
