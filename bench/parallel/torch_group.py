"""Data parallelism on torch: `DistributedDataParallel` with one process per device, as under `torchrun`.

Source: https://keras.io/guides/distributed_training_with_torch/ and
https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html. The model's own
`train_step` runs, with its forward pass through DDP, whose hooks average the gradients during the backward pass.
GPUs talk through NCCL, processes on the CPU through Gloo; each of these has its share of the cores.
"""

from __future__ import annotations

import os
import types
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from anatomy.bench.backends import step as step_module
from anatomy.bench.backends import torch_step
from anatomy.bench.backends.step import Batch
from anatomy.bench.machine.temporary_folders import temporary_folder
from anatomy.bench.parallel.allreduce_timing import time_allreduce
from anatomy.bench.parallel.device_group import Build, OneDevice, threads_per_process, too_few_devices
from anatomy.bench.parallel.multiprocess_group import MultiprocessGroup, serve_rank
from anatomy.bench.parallel.ranks import Peers
from anatomy.bench.parallel.rendezvous import Rendezvous, network_interface
from anatomy.bench.parallel.shards import shard
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import Case, Mode

_JOIN_TIMEOUT = timedelta(minutes=5)
_LOCAL = "127.0.0.1"


class Parallel:
    """The model with its call routed through DDP: its own `train_step` then synchronises gradients."""

    def __init__(self, model: Any) -> None:
        device_ids = [torch.cuda.current_device()] if torch.cuda.is_available() else None
        # Equal seeds give equal weights, which the reference steps check; Gloo cannot send every dtype.
        ddp = torch.nn.parallel.DistributedDataParallel(
            model, device_ids=device_ids, broadcast_buffers=False, init_sync=False
        )
        # `__setattr__` below would set attributes of the model.
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_ddp", ddp)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The forward pass, through DDP."""
        return self._ddp(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name == "train_step":
            return types.MethodType(type(self._model).train_step, self)
        return getattr(self._model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._model, name, value)


class RankStep(torch_step.TorchStep):
    """One rank's step on its part of the batch."""

    def __init__(self, model: Any, batch: Batch, mode: Mode, rank: int, count: int) -> None:
        self._rank, self._count = rank, count
        super().__init__(Parallel(model) if mode == "train" else model, batch, mode)

    def use(self, batch: Batch) -> None:
        """Use this rank's part of the batch from here on."""
        x, y = (None if part is None else shard(part, self._rank, self._count) for part in (batch.x, batch.y))
        super().use(Batch(x, y))


class TorchRank(OneDevice):
    """One rank: a process with one device, which joins the process group when it is constructed.

    Args:
        rank: number of this rank among the `count` of all nodes.
        store: torch's store, through which the ranks find one another.
        host: IP address of this node.
        local: number of this rank among the `local_count` of this node.

    Raises:
        NotImplementedError: this node has GPUs, but fewer than `local_count`.
    """

    def __init__(self, rank: int, count: int, store: Any, host: str, local: int, local_count: int) -> None:
        super().__init__(step_module.load("torch"))
        self._rank, self._count = rank, count
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            if torch.cuda.device_count() < local_count:
                raise too_few_devices(local_count, torch.cuda.device_count(), "GPUs")
            torch.cuda.set_device(local)
        else:
            torch.set_num_threads(threads_per_process(local_count))
            _choose_interface(host)
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=count, timeout=_JOIN_TIMEOUT
        )

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> RankStep:
        """The step on this rank's part of the batch; see `StepBackend`."""
        return RankStep(model, batch, mode, self._rank, self._count)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The backend's settings, and how the devices share the step."""
        shared = {
            "devices": self._count,
            "strategy": f"DistributedDataParallel ({distributed.get_backend()})",
            "virtual_devices": self.on_cpu(),
        }
        return super().settings(model, step) | shared

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Time `torch.distributed.all_reduce` of one flat buffer."""
        on_gpu = torch.cuda.is_available()
        buffer = torch.ones(max(1, size_bytes // 4), device="cuda" if on_gpu else "cpu")

        def exchange() -> None:
            distributed.all_reduce(buffer)
            if on_gpu:
                torch.cuda.synchronize()

        return time_allreduce(exchange, repeats, distributed.barrier)


def open_group(case: Case, build: Build, emit: Emit) -> MultiprocessGroup:
    """The group of a case on one node, in rank 0; the other ranks are forked."""
    stack = ExitStack()
    path = str(stack.enter_context(temporary_folder("ranks")) / "store")

    def join(rank: int) -> TorchRank:
        return TorchRank(rank, case.devices, distributed.FileStore(path, case.devices), _LOCAL, rank, case.devices)

    peers = Peers(emit)
    peers.fork(case.devices - 1, lambda rank, connection: serve_rank(connection, case, build, lambda: join(rank)))
    peers.watch()
    return MultiprocessGroup(join(0), peers, case.devices, stack.close)


def ranks_per_node(case: Case, rendezvous: Rendezvous) -> int:
    """Processes per node: one per device."""
    return case.devices // rendezvous.nodes


def join(case: Case, rendezvous: Rendezvous, rank: int) -> TorchRank:
    """Make this process a rank of a case on several nodes."""
    local = ranks_per_node(case, rendezvous)
    store = distributed.TCPStore(
        rendezvous.hosts[0], rendezvous.framework_port, case.devices, is_master=rank == 0, timeout=_JOIN_TIMEOUT
    )
    return TorchRank(rank, case.devices, store, rendezvous.hosts[rendezvous.node], rank % local, local)


def _choose_interface(host: str) -> None:
    """Tell Gloo which network to use: this machine's name may resolve to no address, or to a filtered one."""
    found = network_interface(host)
    if found is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", found)
