"""Several devices on JAX: `keras.distribution.DataParallel` or `ModelParallel`, one program for all devices (SPMD).

Source: https://keras.io/guides/distribution/. The variables are replicated, the batch is split along its first axis,
and XLA inserts the all-reduce of the gradients. Without an accelerator the devices are virtual devices of the CPU. On
several nodes each process has its own devices and runs the same program (`keras.distribution.initialize`).
"""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

from anatomy.bench.backends import jax_step
from anatomy.bench.backends import step as step_module
from anatomy.bench.backends.step import Batch
from anatomy.bench.parallel.allreduce_timing import time_allreduce
from anatomy.bench.parallel.device_group import Array, Build, OneDevice, too_few_devices
from anatomy.bench.parallel.rendezvous import Rendezvous
from anatomy.bench.parallel.sharding import model_parallel_distribution, shared_weights
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import Case, Mode


class SharedStep(jax_step.JaxStep):
    """A JAX step on several devices, some of which may belong to other processes."""

    def use(self, batch: Batch) -> None:
        """Put this process's part of the batch on its devices, in the layout of the current distribution."""
        host_data = batch.of_step(self._train)
        distribution = keras.distribution.distribution()

        def put(values: Any) -> jax.Array:
            whole = np.asarray(values)
            place = distribution.get_data_layout(whole.shape).backend_layout
            return jax.make_array_from_callback(whole.shape, place, lambda part: whole[part])

        self._data = jax.block_until_ready(keras.tree.map_structure(put, host_data))

    def fetch(self, outputs: Any) -> list[Array]:
        """Copies of the outputs, on the host; only this process's rows of those that are split."""
        return [_own_rows(leaf) for leaf in jax.tree.leaves(outputs)]


class OneInFlight(SharedStep):
    """A step on virtual devices of the CPU, launched only when the previous step has finished.

    XLA has one CPU thread per core. With two steps in flight, the all-reduce of each may occupy threads that the other
    waits for, and XLA aborts the process after 40 s.
    """

    _previous: Any = None

    def launch(self) -> Any:
        """Wait for the previous step, then dispatch this one."""
        jax.block_until_ready((self._previous, self._state))
        self._previous = super().launch()
        return self._previous


class JaxGroup(OneDevice):
    """A group of `devices` JAX devices, of which each of `processes` processes has an equal part.

    Raises:
        NotImplementedError: there are too few devices.
    """

    def __init__(self, devices: int, processes: int = 1, model_parallel: int = 1, layout_map: str = "") -> None:
        super().__init__(step_module.load("jax"))
        here = devices // processes
        found = [jax.local_devices(process_index=number)[:here] for number in range(processes)]
        fewest = min(map(len, found))
        if fewest < here:
            raise too_few_devices(here, fewest, f"of JAX's kind {jax.default_backend()}")
        self._devices = [device for part in found for device in part]
        names = [f"{device.platform}:{device.id}" for device in self._devices]
        self._split = model_parallel
        # Global to the process: the step reads it when it puts data on the devices.
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=names, auto_shard_dataset=processes == 1)
            if model_parallel == 1
            else model_parallel_distribution(names, model_parallel, layout_map)
        )

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> SharedStep:
        """The compiled step on all devices; see `StepBackend`."""
        exchanges = mode == "train" or self._split > 1
        kind = OneInFlight if self.on_cpu() and exchanges else SharedStep
        return kind(model, batch, mode)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The backend's settings, and how the devices share the step."""
        shared = {
            "devices": len(self._devices),
            "strategy": type(keras.distribution.distribution()).__name__,
            "virtual_devices": self.on_cpu(),
        }
        if self._split > 1:
            shared |= {"model_parallel": self._split, "shared_weights": shared_weights(model)}
        return super().settings(model, step) | shared

    def replicas(self, model: Any) -> list[list[Array]]:
        """Each device's copy of every trainable variable; one whole copy if the devices share the weights."""
        if self._split > 1:
            return super().replicas(model)
        copies = [
            {shard.device: np.array(shard.data) for shard in variable.value.addressable_shards}
            for variable in model.trainable_variables
        ]
        own = [device for device in self._devices if device.process_index == jax.process_index()]
        return [[of_device[device] for of_device in copies] for device in own]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Time a `psum` compiled on its own; empty if the devices share the weights and so exchange activations too."""
        if self._split > 1:
            return []
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
        shape = (len(self._devices), max(1, size_bytes // 4))
        one = np.ones((1, shape[1]), np.float32)
        parts = jax.make_array_from_callback(shape, jax.sharding.NamedSharding(mesh, spec), lambda _: one)
        return time_allreduce(lambda: jax.block_until_ready(add_up(parts)), repeats)


def open_group(case: Case, build: Build, emit: Emit) -> JaxGroup:
    """The group of a case on one node: all devices belong to this process."""
    # Takes effect when the CPU client is created; the number of accelerators cannot be set.
    jax.config.update("jax_num_cpu_devices", case.devices)
    return JaxGroup(case.devices, 1, case.model_parallel, case.layout_map)


def ranks_per_node(case: Case, rendezvous: Rendezvous) -> int:
    """Processes per node: one, with all devices of the node."""
    return 1


def join(case: Case, rendezvous: Rendezvous, rank: int) -> JaxGroup:
    """Make this process a rank of a case on several nodes."""
    jax.config.update("jax_num_cpu_devices", case.devices // rendezvous.nodes)
    keras.distribution.initialize(rendezvous.framework_address, rendezvous.nodes, rank)
    return JaxGroup(case.devices, rendezvous.nodes)


def _own_rows(array: Any) -> Array:
    """This process's rows of an array that is split along its first axis; the whole array if it is replicated."""
    if array.is_fully_addressable:
        return np.array(array)
    if array.is_fully_replicated:
        return np.array(array.addressable_data(0))
    shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
    return np.concatenate([np.array(shard.data) for shard in shards])
