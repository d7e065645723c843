"""One of two processes that are measured in turns: warm up, then compute a turn of steps whenever told to.

The supervisor writes a number of steps as a line into a FIFO. The process computes that many synchronised steps and
emits their time as a `turn` event. `end` ends it. Between its turns it sleeps, so it never computes while the other one
does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.backends.step import Step
from anatomy.bench.measurement import timing, validity_checks
from anatomy.bench.measurement.clock_check import backlog_of, check_clock, quiet_after_s
from anatomy.bench.measurement.measure_case import MeasureTask, compile_and_warm_up, require_finite, require_valid
from anatomy.bench.measurement.measured_window import WarmStep
from anatomy.bench.protocol.events import PhaseBegan, TurnTaken, Warm
from anatomy.bench.records.case_facts import CaseFacts

END = "end"
# A process is quiet when it uses under half of one core for this long; pools of threads spin before they sleep.
SLICE_S = 0.001
LONGEST_REST_S = 0.03


@dataclass(frozen=True)
class Turns:
    """The turns that a process is told to take.

    Attributes:
        fifo: where the supervisor writes the number of steps of each turn.
        checked: whether to check at the end that the steps did what they claim; once per case is enough.
    """

    fifo: Path
    checked: bool

    def steps(self) -> Iterator[int]:
        """The number of steps of each turn, as the supervisor writes it; sleeps in between."""
        with self.fifo.open() as commands:
            for line in iter(commands.readline, ""):
                if line.strip() == END:
                    return
                yield int(line)


def measure_alternating_steps(task: MeasureTask, turns: Turns) -> None:
    """Warm up and take turns until told to end."""
    warm = compile_and_warm_up(task)
    step = warm.step
    before = step.programs()
    task.found(CaseFacts(programs=before))
    rest()
    task.emit(Warm(step_s=warm.warm_up.step))
    task.emit(PhaseBegan(name="turns"))
    timings = timing.Timings(series=1)
    for steps in turns.steps():
        task.emit(_take_turn(step, steps, timings))
    task.found(CaseFacts(recompilations=step.programs() - before))
    task.emit(PhaseBegan(name="check"))
    if timings.step_s:
        _check(task, warm, timings, turns.checked)
    step.restore()


def rest(
    clock: Callable[[], float] = time.perf_counter,
    cpu_clock: Callable[[], float] = time.process_time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once this process's threads have gone to sleep, or after `LONGEST_REST_S`."""
    quiet_after_s(SLICE_S, LONGEST_REST_S, clock, cpu_clock, sleep)


def _take_turn(step: Step, steps: int, timings: timing.Timings) -> TurnTaken:
    """Take `steps` synchronised steps; the event has seconds and CPU seconds per step."""
    cpu_before = time.process_time()
    total = 0.0
    for _ in range(steps):
        seconds, launch_s, timings.last_outputs = timing.timed_step(step)
        timings.step_s.append(seconds)
        timings.launch_s.append(launch_s)
        total += seconds
    cpu_s = time.process_time() - cpu_before
    rest()
    return TurnTaken(step_s=total / steps, cpu_s=cpu_s / steps)


def _check(task: MeasureTask, warm: WarmStep, timings: timing.Timings, thoroughly: bool) -> None:
    step, losses = warm.step, warm.losses
    losses.after(len(timings.step_s), step, timings.last_outputs)
    require_finite(task.case, step.fetch(timings.last_outputs), "last step")
    if not thoroughly:
        validity_checks.require_finite(losses, task.built.chosen_optimizer)
        return
    backlog = backlog_of(step, warm.warm_up.step)
    losses.after(backlog.steps, step)
    clock = check_clock(timings, backlog.seconds, on_cpu=task.backend.on_cpu())
    task.found(CaseFacts(clock=clock))
    require_valid(task, warm, clock)
