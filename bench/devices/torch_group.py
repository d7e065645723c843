"""Data parallelism on torch: `DistributedDataParallel`, a process a device, as under `torchrun`.

Source: https://keras.io/guides/distributed_training_with_torch/ and
https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html. The model's own
`train_step` runs, with its forward pass through DDP, whose hooks average the gradients during the backward pass.
GPUs talk through NCCL, processes on the CPU through Gloo; each of these has its share of the cores.
"""

from __future__ import annotations

import os
import tempfile
import time
import types
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from torch import distributed

from anatomy.bench.backends import step as step_module
from anatomy.bench.backends import torch_step
from anatomy.bench.backends.step import Batch
from anatomy.bench.case import Case, Mode
from anatomy.bench.devices.group import Array, Build, Emit, OneDevice, share_of_cores, too_few
from anatomy.bench.devices.ranks import Peers, obey
from anatomy.bench.devices.shards import shard
from anatomy.bench.memory import PeakMeter, resident_bytes

# Outputs whose parts on the other ranks can still be fetched.
RECENT = 2


class Parallel:
    """The model, but called through DDP: its own `train_step` then synchronises gradients."""

    def __init__(self, model: Any) -> None:
        device_ids = [torch.cuda.current_device()] if torch.cuda.is_available() else None
        # Equal weights by equal seeds, and shown by the check of the trajectory; Gloo cannot send every dtype.
        ddp = torch.nn.parallel.DistributedDataParallel(
            model, device_ids=device_ids, broadcast_buffers=False, init_sync=False
        )
        # Not through __setattr__, which sets the model's.
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_ddp", ddp)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The forward pass."""
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
        """Take this rank's part."""
        super().use(shard_of(batch, self._rank, self._count))


class ConductedStep:
    """The step of the whole group, in rank 0: the other ranks do what it does."""

    def __init__(self, own: RankStep, peers: Peers) -> None:
        self._own, self._peers = own, peers
        self._recent: deque[Any] = deque(maxlen=RECENT)

    @property
    def function(self) -> Any:
        """Rank 0's own."""
        return self._own.function

    def launch(self) -> Any:
        """Launch one step on every rank; returns rank 0's outputs."""
        self._peers.launch()
        outputs = self._own.launch()
        self._recent.append(outputs)
        return outputs

    def drain(self, outputs: Sequence[Any]) -> None:
        """Wait until every rank has finished all that it launched."""
        self._peers.tell("drain")
        self._own.drain(outputs)
        self._peers.answers()

    def loss(self, outputs: Any) -> float | None:
        """The mean of the ranks' running means."""
        own = self._own.loss(outputs)
        if own is None:
            return None
        self._peers.tell("loss", self._place(outputs))
        return float(np.mean([own, *self._peers.answers()]))

    def use(self, batch: Batch) -> None:
        """Give each rank its part."""
        self._peers.tell("use", batch)
        self._own.use(batch)
        self._peers.answers()

    def fetch(self, outputs: Any) -> list[Array]:
        """Outputs of the whole batch, the ranks' parts joined; logs of rank 0 alone."""
        own = self._own.fetch(outputs)
        if isinstance(outputs, dict) and "loss" in outputs:
            return own
        self._peers.tell("fetch", self._place(outputs))
        return [np.concatenate(parts) for parts in zip(own, *self._peers.answers(), strict=True)]

    def weight(self) -> Array:
        """Rank 0's."""
        return self._own.weight()

    def restore(self) -> None:
        """Nothing to do: the steps work on the models' own variables."""

    def programs(self) -> int:
        """Rank 0's."""
        return self._own.programs()

    def _place(self, outputs: Any) -> int:
        """How many launches ago these outputs were the newest, as -1, -2, …"""
        for place in range(-1, -len(self._recent) - 1, -1):
            if self._recent[place] is outputs:
                return place
        raise ValueError(f"only the last {RECENT} steps' outputs can be read on the other ranks")


class TorchGroup(OneDevice):
    """Rank 0's end of the group."""

    def __init__(self, case: Case, build: Build, emit: Emit) -> None:
        super().__init__(step_module.load("torch"))
        self._count = self.processes = case.devices
        self._folder = tempfile.TemporaryDirectory(prefix="anatomy-ranks-")
        self._peers = Peers(emit)
        store = Path(self._folder.name) / "store"
        self._peers.fork(case.devices - 1, lambda rank, connection: _follow(case, build, rank, store, connection))
        _join(0, case.devices, store)
        self._bases: list[int] = self._peers.answers()
        self._model: Any = None

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> ConductedStep:
        """Split the batch; each rank wraps its own copy of the model."""
        self._peers.tell("prepare", mode)
        own = RankStep(model, batch, mode, 0, self._count)
        self._peers.answers()
        return ConductedStep(own, self._peers)

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The backend's, and what shares the step."""
        shared = {
            "devices": self._count,
            "strategy": f"DistributedDataParallel ({distributed.get_backend()})",
            "virtual_devices": self.on_cpu(),
        }
        return super().settings(model, step) | shared

    def building(self) -> AbstractContextManager[Any]:
        """Every rank builds its own copy."""
        return nullcontext()

    def replicas(self, model: Any) -> list[list[Array]]:
        """Each rank's variables."""
        self._peers.tell("variables")
        return [*super().replicas(model), *self._peers.answers()]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """`torch.distributed.all_reduce` of one flat buffer."""
        self._peers.tell("all_reduce", size_bytes, repeats)
        seconds = _all_reduce(size_bytes, repeats)
        self._peers.answers()
        return seconds

    def base_host_bytes(self) -> int:
        """Of all ranks; what they share is counted in each."""
        return resident_bytes() + sum(self._bases)

    def meter(self) -> PeakMeter:
        """Of all ranks."""
        return _RanksMeter(self._peers)

    def close(self) -> None:
        """End the other ranks."""
        self._peers.close()
        self._folder.cleanup()


class _RanksMeter(PeakMeter):
    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def read(self) -> int:
        """Rank 0's peak and those of the other ranks, since each was ready to build."""
        self._peers.tell("peak")
        peaks: list[int] = self._peers.answers()
        return self.own() + sum(peaks)


def open_group(case: Case, build: Build, emit: Emit) -> TorchGroup:
    """The group of a case."""
    return TorchGroup(case, build, emit)


def shard_of(batch: Batch, rank: int, count: int) -> Batch:
    """A rank's part of a batch."""
    return Batch(shard(batch.x, rank, count), None if batch.y is None else shard(batch.y, rank, count))


def _join(rank: int, count: int, store: Path) -> None:
    """Become a member of the process group."""
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        if torch.cuda.device_count() < count:
            raise too_few(count, torch.cuda.device_count(), "GPUs")
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(share_of_cores(count))
        # All ranks are on this machine; its name may resolve to no address, or to one that is filtered.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=distributed.FileStore(str(store), count),
        rank=rank,
        world_size=count,
    )


def _follow(case: Case, build: Build, rank: int, store: Path, connection: Connection[Any, Any]) -> None:
    """The life of another rank: join, build the same model, then do what rank 0 does."""
    from anatomy.bench.inputs import SEED

    _join(rank, case.devices, store)
    torch_step.initialise(SEED)
    connection.send(resident_bytes())
    meter = PeakMeter()
    built = build(case)
    steps: list[RankStep] = []
    held: list[Any] = []
    recent: deque[Any] = deque(maxlen=RECENT)

    def prepare(mode: Mode) -> None:
        steps.append(RankStep(built.model, built.batch, mode, rank, case.devices))

    def launch() -> None:
        outputs = steps[-1].launch()
        held.append(outputs)
        recent.append(outputs)

    def drain() -> None:
        steps[-1].drain(held)
        held.clear()

    obey(
        connection,
        launch,
        {
            "prepare": prepare,
            "drain": drain,
            "loss": lambda place: steps[-1].loss(recent[place]),
            "use": lambda batch: steps[-1].use(batch),
            "fetch": lambda place: steps[-1].fetch(recent[place]),
            "variables": lambda: [keras.ops.convert_to_numpy(v.value) for v in built.model.trainable_variables],
            "all_reduce": lambda size_bytes, repeats: len(_all_reduce(size_bytes, repeats)),
            "peak": meter.read,
        },
    )


def _all_reduce(size_bytes: int, repeats: int) -> list[float]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    buffer = torch.ones(max(1, size_bytes // 4), device=device)
    seconds = []
    for number in range(repeats + 1):
        distributed.barrier()
        start = time.perf_counter()
        distributed.all_reduce(buffer)
        if device == "cuda":
            torch.cuda.synchronize()
        # The first one connects.
        if number:
            seconds.append(time.perf_counter() - start)
    return seconds
