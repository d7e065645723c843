"""One pair of processes: both are warmed up, then take turns of steps, never both at once."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ConfigDict

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.measurement.alternating_steps import END
from anatomy.bench.protocol.events import TurnTaken, Warm
from anatomy.bench.records.record import Outcome
from anatomy.bench.regression_gate.gate_result import SIDES, SideName
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.requests import TakeTurns
from anatomy.bench.runner.worker_handle import WorkerHandle

# A turn is long enough that passing it on, and waking up, are a small part of it.
SHORTEST_TURN_S = 0.005
MOST_STEPS_A_TURN = 200
# Steps of seconds: another pair tells more than further turns of this one.
LONGEST_ALTERNATION_S = 12.0
FEWEST_TURNS = 8


class PairFailedError(SetupError):
    """A side of a pair failed; `outcome` is that of its worker."""

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


class SideFacts(BaseModel):
    """What one process of a pair measured.

    Attributes:
        step_s: seconds per synchronised step, the mean of each turn, in order.
        cpu_s: CPU seconds of the whole process per step, likewise.
        compile_s: seconds of the first step.
        facts: settings, counts, peaks, programs, output sample, …, as in a record.
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
        steps_a_turn: steps of each turn, the same on both sides.
        start_s: seconds until both sides were warm.
        seconds: seconds in all.
    """

    model_config = ConfigDict(frozen=True)

    base: SideFacts
    candidate: SideFacts
    first: SideName
    steps_a_turn: int
    start_s: float
    seconds: float


def measure_pair(key: str, number: int, turns: int, start: Callable[[SideName], SideProcess]) -> Pair:
    """Measure the `number`-th pair of a case.

    Args:
        key: of the case; with `number` it decides which side is started first.
        number: from 0.
        turns: most turns per side.
        start: makes the process of a side.

    Raises:
        PairFailedError: a side failed; the message names both where both did.
        SetupError: a fork server ended.
    """
    begin = time.perf_counter()
    order: list[SideName] = list(SIDES)
    random.Random(f"{key}-{number}").shuffle(order)
    with ExitStack() as stack:
        processes = {name: stack.enter_context(start(name)) for name in order}
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
    seconds = time.perf_counter() - begin
    return Pair(**found, first=order[0], steps_a_turn=steps_a_turn, start_s=start_s, seconds=seconds)


class SideProcess:
    """The worker of one side; a context manager that kills it at the end."""

    def __init__(self, name: SideName, what: str, server: ForkServerClient, request: TakeTurns) -> None:
        self.name, self.what = name, what
        self._server, self._request = server, request
        request.fifo.unlink(missing_ok=True)
        os.mkfifo(request.fifo)
        # Open for reading too: opening then waits for no reader, and writing to a worker that ended raises nothing.
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
                # The fork server reports this worker's end before it answers anything else.
                self._worker.run_to_end()
        os.close(self._commands)
        self._request.fifo.unlink()

    def warm_up(self) -> float | None:
        """Build, compile and warm up while the other side waits; seconds per step, or None where the worker ended."""
        self._worker = WorkerHandle(self._server, self._request)
        warm = self._worker.run_until(Warm)
        return None if warm is None else warm.step_s

    def turn(self, steps: int) -> bool:
        """Compute `steps` steps; returns whether the worker did."""
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
        """Let the worker check its steps, and end."""
        assert self._worker is not None
        self._write(END)
        self._worker.run_to_end()

    @property
    def outcome(self) -> Outcome | None:
        """How the worker ended; `None` while it runs."""
        return self._worker.result.outcome if self._worker is not None else None

    def failure(self) -> str:
        """Why this side failed; empty while it has not."""
        result = self._worker.result if self._worker is not None else None
        if result is None or result.outcome in (None, "ok"):
            return ""
        return f"{self.name} ({self.what}): {result.outcome}: {result.reason}"

    def facts(self) -> SideFacts:
        """What the worker measured."""
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


def alternation(turns: int, first: SideName) -> Iterator[SideName]:
    """The order of `turns` turns per side: A B, B A, B A, A B, …, the Thue-Morse sequence.

    Over 2ᵏ pairs it cancels drifts up to the k-th power of time; strict alternation leaves a linear one (Richman 2001,
    *Recursive binary sequences of differences*, Complex Systems 13).
    """
    second: SideName = "candidate" if first == "base" else "base"
    for number in range(turns):
        swapped = number.bit_count() % 2 == 1
        yield from (second, first) if swapped else (first, second)


def _require(processes: dict[SideName, SideProcess]) -> None:
    failed = [processes[name] for name in SIDES if processes[name].failure()]
    if failed:
        raise PairFailedError("; ".join(process.failure() for process in failed), failed[0].outcome or "crashed")
