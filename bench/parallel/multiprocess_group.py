"""A group of several processes: rank 0 conducts, and each of the others does with its devices what rank 0 does.

Each process has a `Group` of its own for its part of the devices; what the parts find is put together here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch, Step
from anatomy.bench.machine.peak_memory import PeakMeter, Peaks, together
from anatomy.bench.parallel.codec import encode
from anatomy.bench.parallel.device_group import Array, Build, Group
from anatomy.bench.parallel.ranks import Peers, obey
from anatomy.bench.parallel.transport import Wire
from anatomy.bench.records.case import Case, Mode

# Outputs whose parts on the other ranks can still be fetched.
RECENT = 2


class ConductedStep:
    """The step of the whole group, in rank 0: the other ranks do what it does."""

    def __init__(self, own: Step, peers: Peers, train: bool) -> None:
        self._own, self._peers, self._train = own, peers, train
        self._recent: deque[Any] = deque(maxlen=RECENT)

    def __getattr__(self, name: str) -> Any:
        # The step's function and what its backend's settings read of it: rank 0's own.
        return getattr(self._own, name)

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
        if not self._train:
            return None
        self._peers.tell("loss", self._place(outputs))
        own = self._own.loss(outputs)
        return float(np.mean([own, *self._peers.answers()]))

    def use(self, batch: Batch) -> None:
        """Give each rank its part."""
        self._peers.tell("use", batch.x, batch.y)
        self._own.use(batch)
        self._peers.answers()

    def fetch(self, outputs: Any) -> list[Array]:
        """Outputs of the whole batch, the ranks' parts joined; logs of rank 0 alone."""
        if self._train:
            return self._own.fetch(outputs)
        self._peers.tell("fetch", self._place(outputs))
        own = self._own.fetch(outputs)
        return [np.concatenate(parts) for parts in zip(own, *self._peers.answers(), strict=True)]

    def weight(self) -> Array:
        """Rank 0's."""
        return self._own.weight()

    def restore(self) -> None:
        """On every rank."""
        self._peers.tell("restore")
        self._own.restore()
        self._peers.answers()

    def programs(self) -> int:
        """Rank 0's."""
        return self._own.programs()

    def _place(self, outputs: Any) -> int:
        """How many launches ago these outputs were the newest, as -1, -2, …"""
        for place in range(-1, -len(self._recent) - 1, -1):
            if self._recent[place] is outputs:
                return place
        raise ValueError(f"only the last {RECENT} steps' outputs can be read on the other ranks")


class Conducted:
    """Rank 0's end of the group; `own` is its part, and the others have joined theirs already.

    Args:
        close: ends what was started beside the ranks.
    """

    def __init__(self, own: Group, peers: Peers, ranks: int, close: Callable[[], None] = lambda: None) -> None:
        self._own, self._peers, self._close = own, peers, close
        self.processes = ranks
        # Each says when it has joined.
        peers.answers()

    def initialise(self, seed: int) -> None:
        """On every rank."""
        self._peers.tell("initialise", seed)
        self._own.initialise(seed)
        self._peers.answers()

    @contextmanager
    def building(self) -> Iterator[None]:
        """Every rank builds its own copy, at the same time."""
        self._peers.tell("build")
        with self._own.building():
            yield
        self._peers.answers()

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> ConductedStep:
        """Each rank takes its part of the batch and wraps its own copy of the model."""
        self._peers.tell("prepare", mode)
        own = self._own.prepare(model, batch, mode)
        self._peers.answers()
        return ConductedStep(own, self._peers, mode == "train")

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """Rank 0's."""
        return self._own.settings(model, step)

    def on_cpu(self) -> bool:
        """Rank 0's."""
        return self._own.on_cpu()

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """Rank 0's: of the devices of one process."""
        return self._own.peak_device_bytes()

    def replicas(self, model: Any) -> list[list[Array]]:
        """Each device's variables, rank by rank."""
        self._peers.tell("replicas")
        own = self._own.replicas(model)
        return [*own, *(device for devices in self._peers.answers() for device in devices)]

    def all_reduce(self, size_bytes: int, repeats: int) -> list[float]:
        """As rank 0 sees it."""
        self._peers.tell("all_reduce", size_bytes, repeats)
        seconds = self._own.all_reduce(size_bytes, repeats)
        self._peers.answers()
        return seconds

    def base_host_bytes(self) -> int:
        """Of all ranks; what they share is counted in each."""
        self._peers.tell("base")
        bases: list[int] = self._peers.answers()
        return self._own.base_host_bytes() + sum(bases)

    def meter(self) -> PeakMeter:
        """Of all ranks."""
        return _RanksMeter(self._peers)

    def close(self) -> None:
        """End the other ranks."""
        self._peers.close()
        self._own.close()
        self._close()


class _RanksMeter(PeakMeter):
    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def begin_lap(self) -> None:
        """Of every rank."""
        self._peers.tell("begin_lap")
        super().begin_lap()
        self._peers.answers()

    def read(self) -> Peaks:
        """Rank 0's peaks and those of the other ranks, since each was asked for its base."""
        self._peers.tell("peak")
        return together([self.own(), *(Peaks(*peaks) for peaks in self._peers.answers())])


def serve(wire: Wire, case: Case, build: Build, join: Callable[[], Group]) -> None:
    """The life of another rank: join with its part of the devices, then do what rank 0 does."""
    own = join()
    wire.send_bytes(encode(True))
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

    obey(
        wire,
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
            "begin_lap": lambda: meter.begin_lap(),
            "peak": lambda: tuple(meter.read()),
        },
    )
