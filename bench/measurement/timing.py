"""The two clocks of a step: synchronised latency and pipelined throughput.

Synchronised: launch one step, wait for its outputs and state, read the clock; every step's raw time is kept. Pipelined:
launch a block of steps back to back and wait once for all outputs; the device's queue is empty at both ends. Each round
has a block of N steps, one of 2N (their order alternates) and a series of synchronised steps, which spreads drift of
the machine evenly over all three.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anatomy.bench.backends.step import Step
from anatomy.bench.records.record_parts import Block
from anatomy.bench.statistics.interval import relative_half_width
from anatomy.bench.statistics.steady import has_settled

Clock = Callable[[], float]

WARMUP_STEPS = 3
# The test whether the warm-up has settled is repeated when its series has grown by a quarter.
WARMUP_GROWTH = 1.25
ROUNDS = 10
# Where the size of a block is capped, more rounds use the budget, up to this many: a record keeps every time.
MOST_ROUNDS = 30
FEWEST_ROUNDS = 5
SMALLEST_BLOCK = 2
SMALLEST_SERIES = 3
# Limits of the outputs held at once by a block of 2N steps: enough steps for the clock, little memory.
LARGEST_BLOCK = 500
HELD_BYTES = 2**28
# A round is N + 2N pipelined steps and 3N synchronised ones.
_STEPS_PER_ROUND = 6


@dataclass(frozen=True)
class RoundPlan:
    """How many rounds to time, and their sizes.

    Attributes:
        fewest, rounds: smallest and largest number of rounds.
        block: steps of the shorter pipelined block; the longer one has twice as many.
        series: synchronised steps per round.
        seconds: no further round begins after this time, once there are `fewest`.
    """

    fewest: int
    rounds: int
    block: int
    series: int
    seconds: float = math.inf


@dataclass(frozen=True)
class WarmUp:
    """The warm-up before the measured window.

    Attributes:
        step_s: seconds of its synchronised steps.
        settled: whether their times had stopped falling.
    """

    step_s: list[float]
    settled: bool

    @property
    def step(self) -> float:
        """Seconds of a warm step: the fastest of the last few."""
        return min(self.step_s[-WARMUP_STEPS:])


@dataclass
class Timings:
    """Raw times in seconds.

    Attributes:
        series: synchronised steps per round.
        step_s: times of the synchronised steps.
        launch_s: for each of them, the time until `launch` returned.
        blocks: pipelined blocks, two per round.
        step_cpu_s, block_cpu_s: CPU time of this process in all series, and in all blocks.
        start_s, end_s: the measured window on `perf_counter`.
        last_outputs: outputs of the last synchronised step.
    """

    series: int = 0
    step_s: list[float] = field(default_factory=list)
    launch_s: list[float] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    step_cpu_s: float = 0.0
    block_cpu_s: float = 0.0
    start_s: float = 0.0
    end_s: float = 0.0
    last_outputs: Any = None

    @property
    def launched(self) -> int:
        """Number of steps of both kinds."""
        return len(self.step_s) + sum(block.steps for block in self.blocks)


def timed_step(step: Step, clock: Clock = time.perf_counter) -> tuple[float, float, Any]:
    """Run one synchronised step; return its seconds, the seconds until `launch` returned, and its outputs."""
    start = clock()
    outputs = step.launch()
    launched = clock()
    step.drain([outputs])
    return clock() - start, launched - start, outputs


def timed_block(step: Step, steps: int, clock: Clock = time.perf_counter) -> Block:
    """Run `steps` pipelined steps and wait for all their outputs. The device's queue must be empty at the start.

    Every output is held until the end: inference steps are independent, and the last may be ready before an earlier
    one.
    """
    start = clock()
    step.drain([step.launch() for _ in range(steps)])
    return Block(steps=steps, seconds=clock() - start)


def warm_up(step: Step, least_s: float, budget_s: float, clock: Clock = time.perf_counter) -> tuple[WarmUp, Any]:
    """Run synchronised steps until their times have settled, for at least `least_s` and at most about `budget_s`.

    Returns:
        The warm-up and the outputs of its last step.
    """
    times: list[float] = []
    start = clock()
    test_at = WARMUP_STEPS
    while True:
        seconds, _, outputs = timed_step(step, clock)
        times.append(seconds)
        elapsed = clock() - start
        # One step is enough if it takes longer than the whole budget, since compilation is already done.
        if elapsed >= budget_s and (len(times) >= WARMUP_STEPS or times[-1] > budget_s):
            return WarmUp(times, has_settled(times)), outputs
        if len(times) >= test_at and elapsed >= least_s:
            if has_settled(times):
                return WarmUp(times, settled=True), outputs
            test_at = int(len(times) * WARMUP_GROWTH) + 1


def plan_rounds(step_s: float, seconds: float, steps: int | None, output_bytes: int = 0) -> RoundPlan:
    """Spread a budget of `seconds` (or of `steps` of each kind) over the rounds.

    A block of 2N steps holds 2N outputs of `output_bytes`. N is limited so that they take at most `HELD_BYTES`, but
    never below the smallest block. The smallest block and series exceed a budget that is too short for them: a block of
    one step would be a synchronised step, and a median needs several.

    Args:
        step_s: seconds of a warm step.
        output_bytes: size of one step's outputs.
    """
    if steps is not None:
        rounds = max(1, min(ROUNDS, steps // (3 * SMALLEST_BLOCK)))
        return RoundPlan(rounds, rounds, max(SMALLEST_BLOCK, -(-steps // (3 * rounds))), -(-steps // rounds))
    affordable = seconds / max(step_s, 1e-9)
    rounds = int(max(1, min(ROUNDS, affordable // (_STEPS_PER_ROUND * SMALLEST_BLOCK))))
    largest = min(LARGEST_BLOCK, HELD_BYTES // (2 * max(output_bytes, 1)))
    block = int(max(SMALLEST_BLOCK, min(largest, affordable // (_STEPS_PER_ROUND * rounds))))
    series = 3 * block if affordable >= _STEPS_PER_ROUND * SMALLEST_BLOCK else SMALLEST_SERIES
    rounds = int(max(rounds, min(MOST_ROUNDS, affordable // (_STEPS_PER_ROUND * block))))
    return RoundPlan(min(FEWEST_ROUNDS, rounds), rounds, block, series, seconds)


def time_rounds(step: Step, plan: RoundPlan, target: float, clock: Clock = time.perf_counter) -> Timings:
    """Time rounds until the 95 % interval of the median step is within ±`target` of it, or until the plan is used up.

    Every launched step has finished when this returns.
    """
    timings = Timings(series=plan.series, start_s=clock())
    for number in range(plan.rounds):
        late = clock() - timings.start_s >= plan.seconds
        if number >= plan.fewest and (late or relative_half_width(timings.step_s) <= target):
            break
        _round(step, plan, number, timings, clock)
    timings.end_s = clock()
    return timings


def _round(step: Step, plan: RoundPlan, number: int, timings: Timings, clock: Clock) -> None:
    sizes = (plan.block, 2 * plan.block)
    before = time.process_time()
    for size in sizes if number % 2 == 0 else sizes[::-1]:
        timings.blocks.append(timed_block(step, size, clock))
    between = time.process_time()
    for _ in range(plan.series):
        seconds, launch_s, timings.last_outputs = timed_step(step, clock)
        timings.step_s.append(seconds)
        timings.launch_s.append(launch_s)
    timings.block_cpu_s += between - before
    timings.step_cpu_s += time.process_time() - between
