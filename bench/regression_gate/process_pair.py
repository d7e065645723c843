"""One pair of processes: both warm, then turns of steps in alternation, never both at once."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ConfigDict

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.measurement.alternating_steps import END
from anatomy.bench.protocol.events import TurnTaken, Warm
from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.side_names import SIDES, SideName
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.requests import TakeTurns, WorkerPlace
from anatomy.bench.runner.worker_handle import WorkerHandle

# A turn is long enough that passing it on, and waking up, are a small part of it.
SHORTEST_TURN_S = 0.005
MOST_STEPS_A_TURN = 200
# Steps of seconds: another pair tells more than further turns of this one.
LONGEST_ALTERNATION_S = 12.0
FEWEST_TURNS = 8


class SideFacts(BaseModel):
    """What one process of a pair found.

    Attributes:
        step_s: seconds of a synchronised step, mean over each turn, in order.
        cpu_s: CPU seconds of the whole process a step, likewise.
        facts: as a record has them: settings, counts, peaks, programs, output sample, …
    """

    model_config = ConfigDict(frozen=True)

    step_s: list[float]
    cpu_s: list[float]
    compile_s: float | None
    facts: dict[str, Any]


class Pair(BaseModel):
    """One pair of processes.

    Attributes:
        first: the side that was started first, chosen at random.
        steps_a_turn: of both sides.
        start_s: until both were warm.
        seconds: in all.
    """

    model_config = ConfigDict(frozen=True)

    base: SideFacts
    candidate: SideFacts
    first: SideName
    steps_a_turn: int
    start_s: float
    seconds: float


@dataclass
class Runner:
    """Runs pairs of one case; a host for each side.

    Attributes:
        paths: where workers look for modules, after their directory.
        folder: for logs and FIFOs.
    """

    case: Case
    sides: dict[SideName, Side]
    hosts: dict[SideName, ForkServerClient]
    settings: MeasureSettings
    paths: tuple[str, ...]
    folder: Path

    def run(self, number: int, turns: int, checked: bool) -> Pair:
        """The case's `number`-th pair, with up to `turns` turns a side.

        Raises:
            SetupError: a side failed; both are looked at, so that a fault of both is not laid to one.
        """
        begin = time.perf_counter()
        rng = random.Random(f"{self.case.key}-{number}")
        order: list[SideName] = list(SIDES)
        rng.shuffle(order)
        with ExitStack() as stack:
            processes = {}
            for name in order:
                processes[name] = stack.enter_context(self._process(name, number, checked))
            steps = {name: processes[name].warm_up() for name in order}
            _require(processes)
            start_s = time.perf_counter() - begin
            known = [step_s for step_s in steps.values() if step_s is not None]
            steps_a_turn = max(1, min(MOST_STEPS_A_TURN, math.ceil(SHORTEST_TURN_S / max(known))))
            affordable = int(LONGEST_ALTERNATION_S / (sum(known) * steps_a_turn))
            for name in alternation(max(FEWEST_TURNS, min(turns, affordable)), order[0]):
                if not processes[name].turn(steps_a_turn):
                    break
            for name in order:
                processes[name].finish()
            _require(processes)
            found = {name: process.facts() for name, process in processes.items()}
        return Pair(
            **found,
            first=order[0],
            steps_a_turn=steps_a_turn,
            start_s=start_s,
            seconds=time.perf_counter() - begin,
        )

    @contextmanager
    def _process(self, name: SideName, number: int, checked: bool) -> Iterator[SideProcess]:
        side = self.sides[name]
        place = worker_place(side, self.case, self.paths, self.folder, str(number))
        fifo = place.log.with_suffix(".fifo")
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo)
        request = TakeTurns(place=place, settings=self.settings, case=side.case(self.case), fifo=fifo, checked=checked)
        try:
            with SideProcess(name, side.what, self.hosts[name], request) as process:
                yield process
        finally:
            fifo.unlink()


class SideProcess:
    """One side's worker. A context manager: it is gone at the end, whatever happened."""

    def __init__(self, name: SideName, what: str, server: ForkServerClient, request: TakeTurns) -> None:
        self.name, self.what = name, what
        self._server, self._request = server, request
        # Open for both, so that opening waits for nobody and writing to a worker that has gone raises nothing.
        self._commands = os.open(request.fifo, os.O_RDWR)
        self._worker: WorkerHandle | None = None
        self._step_s: list[float] = []
        self._cpu_s: list[float] = []

    def __enter__(self) -> SideProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._worker is not None:
            self._worker.kill()
            if kind is None or issubclass(kind, Exception):
                # The host answers nothing else before it has reported the end of this one.
                self._worker.run_to_end()
        os.close(self._commands)

    def warm_up(self) -> float | None:
        """Start, build, compile and warm up, while the other side waits; seconds a step, or null if it ended."""
        self._worker = WorkerHandle(self._server, self._request)
        warm = self._worker.run_until(Warm)
        return None if warm is None else warm.step_s

    def turn(self, steps: int) -> bool:
        """Compute `steps` steps now; false if the worker ended."""
        assert self._worker is not None
        self._worker.extend(self._request.settings.timeout_s)
        self._write(str(steps))
        done = self._worker.run_until(TurnTaken)
        if done is None:
            return False
        self._step_s.append(done.step_s)
        self._cpu_s.append(done.cpu_s)
        return True

    def finish(self) -> None:
        """Let it check what it did, and end."""
        assert self._worker is not None
        self._write(END)
        self._worker.run_to_end()

    def failure(self) -> str:
        """Why this side failed; empty when it did not (yet)."""
        result = self._worker.result if self._worker is not None else None
        if result is None or result.outcome in (None, "ok"):
            return ""
        return f"{self.name} ({self.what}): {result.outcome}: {result.reason}"

    def facts(self) -> SideFacts:
        """What it found."""
        assert self._worker is not None
        facts = self._worker.result.facts
        return SideFacts(
            step_s=self._step_s,
            cpu_s=self._cpu_s,
            compile_s=facts.phases.compile_s,
            facts=facts.known() | {"versions": self._server.versions},
        )

    def _write(self, line: str) -> None:
        os.write(self._commands, f"{line}\n".encode())


def worker_place(side: Side, case: Case, paths: Sequence[str], folder: Path, what: str) -> WorkerPlace:
    """Where a worker of a side runs; `what` is part of its log's name."""
    return WorkerPlace(
        log=(folder / f"{case.key}.{what}.{side.name}.log").absolute(),
        directory=side.directory,
        import_paths=tuple(paths),
        origin=side.origin,
    )


def alternation(turns: int, first: SideName) -> Iterator[SideName]:
    """`turns` turns a side: A B, B A, B A, A B, … after the Thue-Morse sequence.

    Within any run of 2ᵏ pairs it cancels drifts up to the k-th power of time, where strict alternation leaves a
    linear one (Richman 2001, *Recursive binary sequences of differences*, Complex Systems 13).
    """
    second: SideName = "candidate" if first == "base" else "base"
    for number in range(turns):
        swapped = number.bit_count() % 2 == 1
        yield from (second, first) if swapped else (first, second)


def _require(processes: dict[SideName, SideProcess]) -> None:
    failures = [failure for name in SIDES if (failure := processes[name].failure())]
    if failures:
        raise SetupError("; ".join(failures))
