"""Several devices on JAX: `keras.distribution.DataParallel` or `ModelParallel`, one program for all devices (SPMD).

Source: https://keras.io/guides/distribution/. The variables are replicated, the batch is split along its first axis,
and XLA adds the all-reduce of the gradients. Without an accelerator the devices are virtual ones of the CPU. On several
nodes each process has its own devices and runs the same program (`keras.distribution.initialize`).
"""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

from anatomy.bench.backends import jax_step
from anatomy.bench.backends import step as step_module
from anatomy.bench.backends.step import Batch
from anatomy.bench.parallel.allreduce_timing import time_exchange
from anatomy.bench.parallel.device_group import Array, Build, OneDevice, too_few
from anatomy.bench.parallel.rendezvous import Span
from anatomy.bench.parallel.sharding import model_parallel_distribution, shared_weights
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import Case, Mode


class SharedStep(jax_step.JaxStep):
    """The step on several devices, of which some may belong to other processes."""

    def use(self, batch: Batch) -> None:
        """Put this process's part of the batch on its devices, as the distribution in force has it."""
        host_data = (batch.x, batch.y) if self._train else (batch.x,)
        distribution = keras.distribution.distribution()

        def put(values: Any) -> jax.Array:
            whole = np.asarray(values)
            place = distribution.get_data_layout(whole.shape).backend_layout
            return jax.make_array_from_callback(whole.shape, place, lambda part: whole[part])

        self._data = jax.block_until_ready(keras.tree.map_structure(put, host_data))

    def fetch(self, outputs: Any) -> list[Array]:
        """Copies on the host of what this process has of them."""
        return [_own_rows(leaf) for leaf in jax.tree.leaves(outputs)]


class OneInFlight(SharedStep):
    """The step on virtual devices: it is launched when the one before has ended.

    XLA's threads for the CPU are as many as its cores. Where two steps are in flight, an all-reduce of each may hold
    one and wait for the other, and XLA ends the process after 40 s.
    """

    _before: Any = None

    def launch(self) -> Any:
        """Wait for the step before, then dispatch."""
        jax.block_until_ready((self._before, self._state))
        self._before = super().launch()
        return self._before


class JaxGroup(OneDevice):
    """`devices` devices, of which this process has its equal part of those of `processes`."""

    def __init__(self, devices: int, processes: int = 1, model_parallel: int = 1, layout_map: str = "") -> None:
        super().__init__(step_module.load("jax"))
        here = devices // processes
        found = [jax.local_devices(process_index=number)[:here] for number in range(processes)]
        fewest = min(map(len, found))
        if fewest < here:
            raise too_few(here, fewest, f"of JAX's kind {jax.default_backend()}")
        self._devices = [device for part in found for device in part]
        names = [f"{device.platform}:{device.id}" for device in self._devices]
        self._split = model_parallel
        # For the whole process: the step asks for it when it puts data on the devices.
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=names, auto_shard_dataset=processes == 1)
            if model_parallel == 1
            else model_parallel_distribution(names, model_parallel, layout_map)
        )

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> SharedStep:
        """Split the batch and take the state out of the model."""
        exchanges = mode == "train" or self._split > 1
        kind = OneInFlight if self.on_cpu() and exchanges else SharedStep
        return kind(model, batch, mode)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The backend's, and what shares the step."""
        shared = {
            "devices": len(self._devices),
            "strategy": type(keras.distribution.distribution()).__name__,
            "virtual_devices": self.on_cpu(),
        }
        if self._split > 1:
            shared |= {"model_parallel": self._split, "shared_weights": shared_weights(model)}
        return super().settings(model, step) | shared

    def replicas(self, model: Any) -> list[list[Array]]:
        """The own copy of every variable of each device of this process; whole ones where the devices share them."""
        if self._split > 1:
            return super().replicas(model)
        copies = [
            {shard.device: np.array(shard.data) for shard in variable.value.addressable_shards}
            for variable in model.trainable_variables
        ]
        own = [device for device in self._devices if device.process_index == jax.process_index()]
        return [[of_device[device] for of_device in copies] for device in own]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """A `psum` in a program of its own; nothing where the devices share the weights, and exchange other things."""
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
        return time_exchange(lambda: jax.block_until_ready(add_up(parts)), repeats)


def open_group(case: Case, build: Build, emit: Emit) -> JaxGroup:
    """The group of a case: all devices belong to this process."""
    # Read when the CPU's client is created; devices of accelerators are what they are.
    jax.config.update("jax_num_cpu_devices", case.devices)
    return JaxGroup(case.devices, 1, case.model_parallel, case.layout_map)


def ranks_per_node(case: Case, span: Span) -> int:
    """One process has all devices of its node."""
    return 1


def join(case: Case, span: Span, rank: int) -> JaxGroup:
    """Become a process of a case on several nodes."""
    jax.config.update("jax_num_cpu_devices", case.devices // span.nodes)
    keras.distribution.initialize(span.meeting, span.nodes, rank)
    return JaxGroup(case.devices, span.nodes)


def _own_rows(array: Any) -> Array:
    """What this process has of an array that is split along its first axis or the same everywhere."""
    if array.is_fully_addressable:
        return np.array(array)
    if array.is_fully_replicated:
        return np.array(array.addressable_data(0))
    shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
    return np.concatenate([np.array(shard.data) for shard in shards])
