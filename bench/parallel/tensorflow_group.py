"""Data parallelism on TensorFlow: `tf.distribute.MirroredStrategy`, on several nodes `MultiWorkerMirroredStrategy`.

Source: https://keras.io/guides/distributed_training_with_tensorflow/. One process has all devices of its node, with one
replica per device. Keras's optimizer sums the gradients of the replicas before it applies them. Without a GPU the
devices are logical devices of the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from anatomy.bench.backends import step as step_module
from anatomy.bench.backends import tensorflow_step
from anatomy.bench.backends.step import Batch
from anatomy.bench.parallel.allreduce_timing import time_allreduce
from anatomy.bench.parallel.device_group import Array, Build, OneDevice, too_few_devices
from anatomy.bench.parallel.rendezvous import Rendezvous, bracketed
from anatomy.bench.parallel.shards import shard
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import Case, Mode


class MirroredStep(tensorflow_step.TensorFlowStep):
    """One `tf.function` that runs the model's step in every replica, as Keras's `fit` does."""

    def __init__(self, model: Any, batch: Batch, mode: Mode, strategy: Any) -> None:
        self._strategy = strategy
        super().__init__(model, batch, mode)
        of_replica = model.train_step if mode == "train" else model.predict_step

        def step(data: Any) -> Any:
            return strategy.experimental_local_results(strategy.run(of_replica, args=(data,)))

        self.function = tf.function(step, autograph=False, reduce_retracing=True, jit_compile=model.jit_compile)

    def use(self, batch: Batch) -> None:
        """Give each replica its part of the batch."""
        host_data = batch.of_step(self._train)
        count = self._strategy.num_replicas_in_sync

        def part(context: Any) -> Any:
            own = shard(host_data, context.replica_id_in_sync_group, count)
            return keras.tree.map_structure(tf.convert_to_tensor, own)

        self._data = self._strategy.experimental_distribute_values_from_function(part)

    def loss(self, outputs: Any) -> float | None:
        """The mean of the replicas' running means."""
        return float(np.mean([float(logs["loss"]) for logs in outputs])) if self._train else None

    def fetch(self, outputs: Any) -> list[Array]:
        """Outputs of the whole batch, joined from the replicas' parts; for `train`, the logs of every replica."""
        parts = [super(MirroredStep, self).fetch(part) for part in outputs]
        if self._train:
            return [value for part in parts for value in part]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]


class MirroredGroup(OneDevice):
    """The devices of this process under a `tf.distribute` strategy, which may include other processes."""

    def __init__(self, name: str, strategy: Any) -> None:
        super().__init__(step_module.load("tensorflow"))
        self._name, self._strategy = name, strategy

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> MirroredStep:
        """The step in every replica; see `StepBackend`."""
        return MirroredStep(model, batch, mode, self._strategy)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The backend's settings, and how the devices share the step."""
        devices = self._strategy.num_replicas_in_sync
        shared = {"devices": devices, "strategy": self._name, "virtual_devices": self.on_cpu()}
        return super().settings(model, step) | shared

    def building(self) -> AbstractContextManager[Any]:
        """The strategy's scope: variables made in it are mirrored."""
        return cast("AbstractContextManager[Any]", self._strategy.scope())

    def replicas(self, model: Any) -> list[list[Array]]:
        """The copy of every trainable variable in each replica of this process."""
        copies = [self._strategy.experimental_local_results(v.value) for v in model.trainable_variables]
        return [[np.array(values) for values in of_replica] for of_replica in zip(*copies, strict=True)]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Time `ReplicaContext.all_reduce` in a `tf.function` on its own."""
        strategy = self._strategy

        def add_up(part: Any) -> Any:
            # A copy, since the value of a lone replica of a strategy over several nodes has no device.
            own = tf.identity(part)
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)

        program = tf.function(lambda parts: strategy.experimental_local_results(strategy.run(add_up, args=(parts,))))
        parts = strategy.experimental_distribute_values_from_function(lambda _: tf.ones(max(1, size_bytes // 4)))
        return time_allreduce(lambda: self._wait(program(parts)), repeats)

    def _wait(self, sums: Sequence[Any]) -> None:
        if not self.on_cpu():
            tf.test.experimental.sync_devices()
        for tensor in sums:
            tensor[:1].numpy()


def open_group(case: Case, build: Build, emit: Emit) -> MirroredGroup:
    """The group of a case on one node: all devices belong to this process."""
    count = case.devices
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < count:
        raise too_few_devices(count, len(gpus), "GPUs")
    if not gpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    names = [f"{'GPU' if gpus else 'CPU'}:{number}" for number in range(count)]
    return MirroredGroup("MirroredStrategy", tf.distribute.MirroredStrategy(names))


def ranks_per_node(case: Case, rendezvous: Rendezvous) -> int:
    """Processes per node: one, with all devices of the node."""
    return 1


def join(case: Case, rendezvous: Rendezvous, rank: int) -> MirroredGroup:
    """Make this process a worker of a `MultiWorkerMirroredStrategy`, which uses all visible GPUs, else the CPU.

    Source: https://www.tensorflow.org/tutorials/distribute/multi_worker_with_ctl
    """
    here = case.devices // rendezvous.nodes
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < here:
        raise too_few_devices(here, len(gpus), "GPUs")
    if not gpus and here > 1:
        raise NotImplementedError(
            f"MultiWorkerMirroredStrategy has one device on the CPU of each node; use --devices {rendezvous.nodes}"
        )
    tf.config.set_visible_devices(gpus[:here], "GPU")
    workers = [f"{bracketed(host)}:{port}" for host, port in zip(rendezvous.hosts, rendezvous.ports, strict=True)]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": workers}), task_type="worker", task_id=rank, rpc_layer="grpc"
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    return MirroredGroup("MultiWorkerMirroredStrategy", strategy)
