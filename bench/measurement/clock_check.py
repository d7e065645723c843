"""Check the clocks: compare N and 2N pipelined steps with the synchronised ones, and watch for work left running.

T(2N) − T(N) is the time of N further pipelined steps, without whatever a block costs once. A synchronised step cannot
be faster than a pipelined one. It may be slower for two reasons only: a pipeline overlaps the host's part (launching,
waking up) with the device's, which leaves the longer of the two; or several steps run at once on different cores, and
then use as much CPU time as before. Any other difference means that a clock is wrong.
"""

from __future__ import annotations

import math
import resource
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
# Above this half-width of the interval, agreement means nothing; a step shorter than the whole interval still
# disagrees.
MOST_NOISE = 0.5
# Outputs of a block up to this size fit into a CPU's caches; beyond it each further step writes to new pages.
CACHED_BYTES = 2**22
# Allowed difference of the clocks beyond their interval: blocks keep caches warmer or colder than single steps.
TOLERANCE = 0.10
# Time to wake a thread that waits for a result (futex and scheduler), also on a loaded machine.
WAKE_S = 200e-6
# In a pipeline, a launch finds caches warm and threads awake. It takes at least this share of a launch after a wait
# and, where the launch itself computes, at least that launch less a wake-up.
LEAST_LAUNCH = 0.4
# Smallest ratio of the CPU time of a pipelined step to that of a synchronised one if both do the same work: threads
# that spin while they wait add to the synchronised one.
LEAST_WORK = 0.6
# A process is quiet when it uses under half of one core for this long: pools of threads spin a few milliseconds before
# they sleep.
SLICE_S = 0.005
LONGEST_WAIT_S = 2.0
BACKLOG_LIMIT_S = 0.02
# Work left running takes whole steps; cleaning up after a step that takes seconds takes hundredths of a step.
BACKLOG_LIMIT_STEPS = 0.05
BACKLOG_BLOCK_S = 0.05
ATTEMPTS = 3


def check_clock(timings: Timings, backlog: float, on_cpu: bool, held_bytes: int = 0) -> ClockCheck:
    """Judge the clocks of one window.

    Args:
        backlog: seconds from `backlog_of`.
        on_cpu: whether the CPU time of this process shows the work of a step.
        held_bytes: size of the outputs that a longer block held at once.
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
    """Whether the process computed after a drained block for longer than cleaning up takes."""
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
    """Least seconds of a pipelined step if steps do not run at once: the longer of the host's and the device's part."""
    launching = max(LEAST_LAUNCH * launch_s, launch_s - WAKE_S if on_cpu else 0.0)
    return max(launching, synchronised_s - launch_s - WAKE_S)


def _slope(timings: Timings, number: int) -> float:
    """Seconds of each further pipelined step in one round."""
    short, long = sorted(timings.blocks[2 * number : 2 * number + 2], key=lambda block: block.steps)
    return (long.seconds - short.seconds) / (long.steps - short.steps)


def _work_ratio(timings: Timings) -> float:
    """Ratio of the CPU time of a pipelined step to that of a synchronised one."""
    pipelined = timings.block_cpu_s / sum(block.steps for block in timings.blocks)
    synchronised = timings.step_cpu_s / len(timings.step_s)
    return pipelined / synchronised if synchronised > 0 else math.inf


@dataclass(frozen=True)
class Backlog:
    """Work that went on after a block was drained.

    Attributes:
        seconds: how long it went on.
        steps: number of steps launched to find out.
    """

    seconds: float
    steps: int


def cpu_parts_s() -> tuple[float, float]:
    """CPU seconds that all threads of this process spent outside the kernel, which computes, and within it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime


def backlog_of(
    step: Step,
    step_s: float,
    clock: Clock = time.perf_counter,
    cpu_clock: Clock = time.process_time,
    parts: Callable[[], tuple[float, float]] = cpu_parts_s,
    sleep: Callable[[float], None] = time.sleep,
) -> Backlog:
    """Measure for how long the process goes on working after a block was drained.

    Two observations that do not rely on `drain`: reading the outputs' values on the host, which waits for a device
    (those of the last step must take no longer than those of the step before), and the CPU time of all threads of the
    process, which must stop growing. Time in the kernel does not count: it is the step's memory being given back.
    """
    steps = int(min(500, max(2, BACKLOG_BLOCK_S / max(step_s, 1e-6))))
    seconds: list[float] = []
    # A faulty step works on every time; a pool of threads that happens to clean up does not.
    while not seconds or (seconds[-1] > BACKLOG_LIMIT_S and len(seconds) < ATTEMPTS):
        seconds.append(_run_on_s(step, steps, clock, cpu_clock, parts, sleep))
    return Backlog(min(seconds), steps * len(seconds))


def _run_on_s(
    step: Step,
    steps: int,
    clock: Clock,
    cpu_clock: Clock,
    parts: Callable[[], tuple[float, float]],
    sleep: Callable[[float], None],
) -> float:
    outputs = [step.launch() for _ in range(steps)]
    step.drain(outputs)
    waiting_s = _reading_s(step, outputs[-1], clock) - _reading_s(step, outputs[-2], clock)
    del outputs
    user_before_s, kernel_before_s = parts()
    busy_s = quiet_after_s(SLICE_S, LONGEST_WAIT_S, clock, cpu_clock, sleep)
    user_s, kernel_s = parts()
    # Both parts are sampled, and a lost sample makes one of these too small: the larger counts.
    computing_s = max(min(busy_s, user_s - user_before_s), busy_s - (kernel_s - kernel_before_s))
    return max(computing_s, waiting_s)


def quiet_after_s(
    slice_s: float, longest_s: float, clock: Clock, cpu_clock: Clock, sleep: Callable[[float], None]
) -> float:
    """Wait until the process uses under half a core for `slice_s`, at most `longest_s`; return the seconds."""
    start = quiet_since = clock()
    while clock() - start < longest_s:
        used, began = cpu_clock(), clock()
        sleep(slice_s)
        if cpu_clock() - used < 0.5 * (clock() - began):
            break
        quiet_since = clock()
    return quiet_since - start


def _reading_s(step: Step, outputs: Any, clock: Clock) -> float:
    start = clock()
    step.fetch(outputs)
    return clock() - start
