"""A group of several processes: rank 0 measures, and the other ranks do with their devices what rank 0 does.

Each process has a `Group` of its part of the devices. Rank 0 combines their results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch, Step, WeightSums
from anatomy.bench.machine.peak_memory import PeakMeter, Peaks, summed_peaks
from anatomy.bench.parallel.codec import encode
from anatomy.bench.parallel.device_group import Array, Build, Group
from anatomy.bench.parallel.ranks import Peers, carry_out_orders
from anatomy.bench.records.case import Case, Mode

# Number of latest steps whose outputs can still be fetched from the other ranks.
RECENT = 2


class MultiprocessStep:
    """The step of the whole group, in rank 0. Whatever it does, the other ranks do too."""

    def __init__(self, own: Step, peers: Peers, train: bool) -> None:
        self._own, self._peers, self._train = own, peers, train
        self._recent: deque[Any] = deque(maxlen=RECENT)

    def __getattr__(self, name: str) -> Any:
        # The step's function, and whatever its backend's `settings` reads of it, are rank 0's.
        return getattr(self._own, name)

    def launch(self) -> Any:
        """Launch one step on every rank and return rank 0's outputs."""
        self._peers.launch()
        outputs = self._own.launch()
        self._recent.append(outputs)
        return outputs

    def drain(self, outputs: Sequence[Any]) -> None:
        """Wait until every rank has finished every step that it launched."""
        self._peers.tell("drain")
        self._own.drain(outputs)
        self._peers.answers()

    def loss(self, outputs: Any) -> float | None:
        """The mean of the ranks' running means; `None` for `infer`."""
        if not self._train:
            return None
        own, others = self._peers.together("loss", lambda: self._own.loss(outputs), self._place(outputs))
        return None if own is None else float(np.mean([own, *others]))

    def use(self, batch: Batch) -> None:
        """Use this batch from here on: every rank takes its part."""
        self._peers.together("use", lambda: self._own.use(batch), batch.x, batch.y)

    def fetch(self, outputs: Any) -> list[Array]:
        """Outputs of the whole batch, joined from the ranks' parts; for `train`, rank 0's logs."""
        if self._train:
            return self._own.fetch(outputs)
        own, others = self._peers.together("fetch", lambda: self._own.fetch(outputs), self._place(outputs))
        return [np.concatenate(parts) for parts in zip(own, *others, strict=True)]

    def weights(self) -> WeightSums:
        """Of rank 0's copy; see `Step`."""
        return self._own.weights()

    def put_weights(self, values: Sequence[Array]) -> None:
        """The other ranks would keep theirs."""
        raise NotImplementedError("the weights lie on several processes")

    def restore(self) -> None:
        """Put the state back into the model on every rank."""
        self._peers.together("restore", self._own.restore)

    def programs(self) -> int:
        """Number of programs compiled on rank 0."""
        return self._own.programs()

    def _place(self, outputs: Any) -> int:
        """Index of these outputs among the latest: -1 for those of the last launch, -2 for the one before, …"""
        for place in range(-1, -len(self._recent) - 1, -1):
            if self._recent[place] is outputs:
                return place
        raise ValueError(f"only the last {RECENT} steps' outputs can be read on the other ranks")


class MultiprocessGroup:
    """The whole group, in rank 0.

    Args:
        own: rank 0's part of the devices, which the other ranks have joined already.
        ranks: number of ranks.
        close: ends whatever was started besides the ranks.
    """

    def __init__(self, own: Group, peers: Peers, ranks: int, close: Callable[[], None] = lambda: None) -> None:
        self._own, self._peers, self._close = own, peers, close
        self.processes = ranks
        # Each rank answers once when it has joined.
        peers.answers()

    def initialise(self, seed: int) -> None:
        """Initialise the backend on every rank; see `StepBackend`."""
        self._peers.together("initialise", lambda: self._own.initialise(seed), seed)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Context in which rank 0 builds the model; the other ranks build their copies at the same time."""
        self._peers.tell("build")
        with self._own.building():
            yield
        self._peers.answers()

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> MultiprocessStep:
        """The step of the whole group: each rank wraps its copy of the model and its part of the batch."""
        own, _ = self._peers.together("prepare", lambda: self._own.prepare(model, batch, mode), mode)
        return MultiprocessStep(own, self._peers, mode == "train")

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """Rank 0's settings; see `StepBackend`."""
        return self._own.settings(model, step)

    def on_cpu(self) -> bool:
        """Whether rank 0 computes on the CPU."""
        return self._own.on_cpu()

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """Peak device memory of rank 0 alone; see `StepBackend`."""
        return self._own.peak_device_bytes()

    def replicas(self, model: Any) -> list[list[Array]]:
        """Each device's trainable variables, rank by rank; see `Group`."""
        own, others = self._peers.together("replicas", lambda: self._own.replicas(model))
        return [*own, *(device for devices in others for device in devices)]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """Seconds of each all-reduce, timed on rank 0; see `Group`."""
        own, _ = self._peers.together(
            "all_reduce", lambda: self._own.all_reduce(size_bytes, repeats), size_bytes, repeats
        )
        return own

    def base_host_bytes(self) -> int:
        """Resident memory of all ranks before the model is built; memory that they share counts once per rank."""
        own, others = self._peers.together("base", self._own.base_host_bytes)
        return own + sum(map(int, others))

    def meter(self) -> PeakMeter:
        """A new meter of the peak memory of all ranks."""
        return _GroupPeakMeter(self._peers)

    def close(self) -> None:
        """End the other ranks."""
        self._peers.close()
        self._own.close()
        self._close()


class _GroupPeakMeter(PeakMeter):
    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def begin_phase(self) -> None:
        self._peers.together("begin_phase", super().begin_phase)

    def read(self) -> Peaks:
        """The sum over all ranks. The other ranks' meters began when rank 0 asked for their base."""
        own, others = self._peers.together("peak", self.own)
        return summed_peaks([own, *(Peaks(*peaks) for peaks in others)])


def serve_rank(connection: Connection, case: Case, build: Build, join: Callable[[], Group]) -> None:
    """Run a rank other than 0: join with its part of the devices, then follow rank 0's orders until it ends."""
    own = join()
    connection.send_bytes(encode(True))
    meter = PeakMeter()
    model: Any = None
    batch = Batch(None)
    step: Any = None
    held: list[Any] = []
    recent: deque[Any] = deque(maxlen=RECENT)

    def base() -> int:
        nonlocal meter
        meter = PeakMeter()
        return own.base_host_bytes()

    def make() -> None:
        nonlocal model, batch
        with own.building():
            built = build(case)
        model, batch = built.model, built.batch

    def prepare(mode: Mode) -> None:
        nonlocal step
        step = own.prepare(model, batch, mode)

    def launch() -> None:
        outputs = step.launch()
        held.append(outputs)
        recent.append(outputs)

    def drain() -> None:
        step.drain(held)
        held.clear()

    carry_out_orders(
        connection,
        launch,
        {
            "initialise": lambda seed: own.initialise(seed),
            "build": make,
            "prepare": prepare,
            "drain": drain,
            "loss": lambda place: step.loss(recent[place]),
            "use": lambda x, y: step.use(Batch(x, y)),
            "fetch": lambda place: step.fetch(recent[place]),
            "restore": lambda: step.restore(),
            "replicas": lambda: own.replicas(model),
            "all_reduce": lambda size_bytes, repeats: len(own.all_reduce(size_bytes, repeats)),
            "base": base,
            "begin_phase": lambda: meter.begin_phase(),
            "peak": lambda: tuple(meter.read()),
        },
    )
