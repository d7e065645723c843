"""The clock checks itself: N and 2N pipelined steps against the synchronised ones, and what runs on afterwards.

T(2N) − T(N) is the time of N further steps, free of whatever a block costs once. A step that is waited
for one at a time cannot be faster than that, and may be slower by two things alone: a pipeline does the
host's part (launching, waking up) and the device's at once, so that the longer of the two is left; and
steps may run at once on several cores, and then use as much CPU as before. Anything else is a fault of
the clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from anatomy.bench.backends.step import Step
from anatomy.bench.measurement.timing import Clock, Timings
from anatomy.bench.records.record_parts import ClockCheck, Verdict
from anatomy.bench.statistics.interval import student_t

FEWEST_ROUNDS = 4
# Half the interval's width beyond which an agreement would mean nothing; a step below all of it is one still.
MOST_NOISE = 0.5
# Outputs of a block that a CPU's caches hold for sure: more, and each further step writes to new pages.
CACHED_BYTES = 2**22
# How far the clocks may be apart beyond their interval: blocks keep caches warmer or colder than single steps.
TOLERANCE = 0.10
# Waking a thread that waits for a result, seconds: futex and scheduler, on loaded machines too.
WAKE_S = 200e-6
# Launches follow one another whatever the device does. One that finds caches warm and threads awake takes less than one
# after a wait: this share at least; and where the launch computes, a wake-up less.
LEAST_LAUNCH = 0.4
# CPU seconds of a pipelined step over those of a synchronised one, where the same work is done; threads that
# spin while they wait make the synchronised one look dearer.
LEAST_WORK = 0.6
# A process is quiet when a slice of this length uses under half of one core; pools of threads spin a few
# milliseconds before they sleep.
SLICE_S = 0.005
LONGEST_WAIT_S = 2.0
BACKLOG_LIMIT_S = 0.02
# Work that was left undone is steps; freeing the gigabytes that a step of seconds has used takes hundredths of one.
BACKLOG_LIMIT_STEPS = 0.05
BACKLOG_BLOCK_S = 0.05
ATTEMPTS = 3


def check_clock(timings: Timings, backlog: float, on_cpu: bool, held_bytes: int = 0) -> ClockCheck:
    """Judge the clocks of one window.

    Args:
        backlog: seconds, from `backlog_of`.
        on_cpu: whether CPU time shows the work of a step.
        held_bytes: outputs that the longer blocks held at once.
    """
    launch_s = fmean(timings.launch_s)
    synchronised_s = fmean(timings.step_s)
    slopes = [_slope(timings, number) for number in range(len(timings.blocks) // 2)]
    verdict: Verdict
    if ran_on(backlog, synchronised_s):
        verdict = "disagrees"
        reason = f"the process went on computing for {backlog * 1e3:.0f} ms after its outputs were said to be ready"
    elif len(slopes) < FEWEST_ROUNDS:
        verdict, reason = "not checked", f"{len(slopes)} rounds fitted into the budget, {FEWEST_ROUNDS} needed"
    else:
        verdict, reason = _judge(timings, slopes, launch_s, on_cpu, held_bytes)
    return ClockCheck(
        verdict=verdict,
        reason=reason,
        slope_s=fmean(slopes) if slopes else None,
        synchronised_s=synchronised_s,
        launch_s=launch_s,
        backlog_s=backlog,
    )


def ran_on(backlog_s: float, synchronised_s: float) -> bool:
    """Whether the process computed for longer after a drained block than it takes to tidy up."""
    return backlog_s > max(BACKLOG_LIMIT_S, BACKLOG_LIMIT_STEPS * synchronised_s)


def _judge(
    timings: Timings, slopes: list[float], launch_s: float, on_cpu: bool, held_bytes: int
) -> tuple[Verdict, str]:
    size = timings.series
    means = [fmean(timings.step_s[k * size : (k + 1) * size]) for k in range(len(slopes))]
    excess = [slope / mean - 1 for slope, mean in zip(slopes, means, strict=True)]
    half = student_t(len(excess) - 1) * stdev(excess) / math.sqrt(len(excess))
    low, high = fmean(excess) - half, fmean(excess) + half
    shortest = shortest_pipelined_s(fmean(means), launch_s, on_cpu) / fmean(means)
    may_be_in_order = high >= shortest - 1 - TOLERANCE
    work = _work_ratio(timings)
    several_at_once = on_cpu and work >= LEAST_WORK
    if half > MOST_NOISE and (may_be_in_order or several_at_once):
        return "not checked", f"too noisy: a further pipelined step is known to ± {half:.2f} of a synchronised one only"
    if low <= TOLERANCE and high >= -TOLERANCE:
        return "agrees", ""
    said = f"a further pipelined step takes {1 + fmean(excess):.2f} of a synchronised one (95 % ± {half:.2f})"
    if low > TOLERANCE and on_cpu and held_bytes > CACHED_BYTES:
        return "not checked", f"{said}: a block holds {held_bytes / 2**20:.0f} MiB of outputs, which leave the caches"
    if low > TOLERANCE:
        return "disagrees", f"{said}; it cannot take longer"
    if may_be_in_order:
        return "overlaps", f"{said}; it may take {shortest:.2f}, since launches and the device's work go on at once"
    if several_at_once:
        return "overlaps", f"{said}; it uses {work:.2f} of the CPU time: several run at once"
    return "disagrees", f"{said} and only {work:.2f} of its CPU time; the work was not waited for, or not done"


def shortest_pipelined_s(synchronised_s: float, launch_s: float, on_cpu: bool) -> float:
    """Seconds that a pipelined step takes at least, if steps do not run at once: the longer of its two parts."""
    launching = max(LEAST_LAUNCH * launch_s, launch_s - WAKE_S if on_cpu else 0.0)
    return max(launching, synchronised_s - launch_s - WAKE_S)


def _slope(timings: Timings, number: int) -> float:
    """Seconds a further step of one round."""
    short, long = sorted(timings.blocks[2 * number : 2 * number + 2], key=lambda block: block.steps)
    return (long.seconds - short.seconds) / (long.steps - short.steps)


def _work_ratio(timings: Timings) -> float:
    """CPU seconds of a pipelined step over those of a synchronised one."""
    pipelined = timings.block_cpu_s / sum(block.steps for block in timings.blocks)
    synchronised = timings.step_cpu_s / len(timings.step_s)
    return pipelined / synchronised if synchronised > 0 else math.inf


@dataclass(frozen=True)
class Backlog:
    """How long the process went on working, and how many steps were launched to find out."""

    seconds: float
    steps: int


def backlog_of(
    step: Step,
    step_s: float,
    clock: Clock = time.perf_counter,
    cpu_clock: Clock = time.process_time,
    sleep: Callable[[float], None] = time.sleep,
) -> Backlog:
    """Seconds for which the process goes on working after a block was drained.

    Two witnesses that do not trust `drain`: the outputs' values are read on the host, which waits for a
    device (the last step's take no longer than those of the step before, which are copied just as far);
    and the CPU time of all threads of the process must stand still.
    """
    steps = int(min(500, max(2, BACKLOG_BLOCK_S / max(step_s, 1e-6))))
    seconds: list[float] = []
    # A faulty step fails every time; a pool of threads that happens to tidy up does not.
    while not seconds or (seconds[-1] > BACKLOG_LIMIT_S and len(seconds) < ATTEMPTS):
        seconds.append(_run_on_s(step, steps, clock, cpu_clock, sleep))
    return Backlog(min(seconds), steps * len(seconds))


def _run_on_s(step: Step, steps: int, clock: Clock, cpu_clock: Clock, sleep: Callable[[float], None]) -> float:
    outputs = [step.launch() for _ in range(steps)]
    step.drain(outputs)
    waiting_s = _reading_s(step, outputs[-1], clock) - _reading_s(step, outputs[-2], clock)
    del outputs
    start = quiet_since = clock()
    while clock() - start < LONGEST_WAIT_S:
        used, began = cpu_clock(), clock()
        sleep(SLICE_S)
        if cpu_clock() - used < 0.5 * (clock() - began):
            break
        quiet_since = clock()
    return max(quiet_since - start, waiting_s)


def _reading_s(step: Step, outputs: Any, clock: Clock) -> float:
    start = clock()
    step.fetch(outputs)
    return clock() - start
