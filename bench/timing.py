"""The two clocks of a step: synchronised latency and pipelined throughput.

Synchronised: launch one step, wait for its outputs and state, read the clock; every step's raw
time is kept. Pipelined: launch a block of steps back to back and wait once for all outputs; the
device's queue is empty at both ends. The two alternate in rounds, so that drift meets both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anatomy.bench.backends.step import Step
from anatomy.bench.record import Block

WARMUP_STEPS = 3
ROUNDS = 5
SMALLEST_BLOCK = 2
SMALLEST_SERIES = 3


@dataclass(frozen=True)
class Plan:
    """How many steps: `rounds` times a pipelined block and a synchronised series, each `steps` long."""

    rounds: int
    steps: int


@dataclass
class Timings:
    """Raw times: synchronised steps, pipelined blocks, and the measured window on `perf_counter`."""

    step_s: list[float] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    start_s: float = 0.0
    end_s: float = 0.0
    last_outputs: Any = None


def timed_step(step: Step, clock: Callable[[], float] = time.perf_counter) -> tuple[float, Any]:
    """One synchronised step: seconds and outputs."""
    start = clock()
    outputs = step.launch()
    step.drain([outputs])
    return clock() - start, outputs


def timed_block(step: Step, steps: int, clock: Callable[[], float] = time.perf_counter) -> Block:
    """`steps` pipelined steps, drained on all their outputs. The queue must be empty at the start.

    Every output is held until the end: steps of inference do not depend on one another, so that
    the last one may be ready before an earlier one.
    """
    start = clock()
    step.drain([step.launch() for _ in range(steps)])
    return Block(steps=steps, seconds=clock() - start)


def warm_up(step: Step, seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Synchronised steps for at least `seconds` and `WARMUP_STEPS`; returns the fastest of the last few."""
    times: list[float] = []
    end = clock() + seconds
    while True:
        times.append(timed_step(step, clock)[0])
        # A step longer than the whole warm-up: compilation is past, one is enough.
        enough = len(times) >= WARMUP_STEPS or times[-1] > seconds
        if enough and clock() >= end:
            return min(times[-WARMUP_STEPS:])


def plan_steps(step_s: float, seconds: float, steps: int | None) -> Plan:
    """Spread a budget of `seconds` (or exactly `steps` of each kind) over the rounds.

    A block of one step would be a synchronised step, and a median of one step no median: below
    the smallest counts the budget is exceeded rather than the figure made up.
    """
    if steps is not None:
        rounds = max(1, min(ROUNDS, steps // SMALLEST_BLOCK))
        return Plan(rounds, max(SMALLEST_BLOCK, -(-steps // rounds)))
    affordable = int(seconds / 2 / max(step_s, 1e-9))
    rounds = max(1, min(ROUNDS, affordable // SMALLEST_SERIES))
    return Plan(rounds, max(SMALLEST_SERIES if rounds == 1 else SMALLEST_BLOCK, affordable // rounds))


def measure(step: Step, plan: Plan, clock: Callable[[], float] = time.perf_counter) -> Timings:
    """Alternate pipelined blocks and synchronised series; everything launched is drained."""
    timings = Timings(start_s=clock())
    for _ in range(plan.rounds):
        timings.blocks.append(timed_block(step, plan.steps, clock))
        for _ in range(plan.steps):
            seconds, timings.last_outputs = timed_step(step, clock)
            timings.step_s.append(seconds)
    timings.end_s = clock()
    return timings
