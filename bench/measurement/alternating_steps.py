"""The measured side of a pair of processes: warm up, then compute turns of steps when told to.

The supervisor writes a number of steps as a line into a FIFO; that many synchronised steps are computed and one `turn`
event is emitted with their time. `end` ends it. Between its turns the process sleeps, so that it never
computes while the other one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.backends.step import Step, StepBackend
from anatomy.bench.machine.peak_memory import PeakMeter
from anatomy.bench.measurement import timing, validity_checks
from anatomy.bench.measurement.clock_check import backlog_of, check_clock
from anatomy.bench.measurement.measure_case import Ready, make_ready, require_finite, require_sane
from anatomy.bench.protocol.events import Emit, FactsFound, PhaseBegan, TurnTaken, Warm
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.workload.build_case import Built

END = "end"
# A process is quiet when it uses under half of one core for this long; pools of threads spin before they sleep.
SLICE_S = 0.001
LONGEST_REST_S = 0.03


@dataclass(frozen=True)
class Turns:
    """How a worker takes part in a pair.

    Attributes:
        fifo: where the supervisor writes.
        checked: whether to show at the end that the steps did what they claim; once a case is enough.
    """

    fifo: Path
    checked: bool

    def ask(self) -> Iterator[int]:
        """The number of steps of each turn, as they are asked for; sleeps in between."""
        with self.fifo.open() as commands:
            for line in iter(commands.readline, ""):
                if line.strip() == END:
                    return
                yield int(line)


def measure_turns(
    case: Case,
    settings: MeasureSettings,
    backend: StepBackend,
    built: Built,
    memory: PeakMeter,
    emit: Emit,
    turns: Turns,
) -> None:
    """Take turns until told to end."""
    ready = make_ready(case, settings, backend, built, memory, emit)
    step = ready.step
    before = step.programs()
    emit(FactsFound(facts=CaseFacts(programs=before)))
    rest()
    emit(Warm(step_s=ready.warm.step))
    emit(PhaseBegan(name="turns"))
    timings = timing.Timings(series=1)
    for steps in turns.ask():
        emit(_turn(step, steps, timings))
    emit(FactsFound(facts=CaseFacts(recompilations=step.programs() - before)))
    emit(PhaseBegan(name="check"))
    if timings.step_s:
        _check(case, backend, built, ready, timings, turns.checked, emit)
    step.restore()


def rest(
    clock: Callable[[], float] = time.perf_counter,
    cpu_clock: Callable[[], float] = time.process_time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once this process's threads have gone to sleep, or after `LONGEST_REST_S`."""
    start = clock()
    while clock() - start < LONGEST_REST_S:
        used, began = cpu_clock(), clock()
        sleep(SLICE_S)
        if cpu_clock() - used < 0.5 * (clock() - began):
            return


def _turn(step: Step, steps: int, timings: timing.Timings) -> TurnTaken:
    """`steps` synchronised steps: seconds and CPU seconds per step."""
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


def _check(
    case: Case,
    backend: StepBackend,
    built: Built,
    ready: Ready,
    timings: timing.Timings,
    thoroughly: bool,
    emit: Emit,
) -> None:
    step, losses = ready.step, ready.losses
    losses.after(len(timings.step_s), step, timings.last_outputs)
    require_finite(case, step.fetch(timings.last_outputs), "last step")
    if not thoroughly:
        validity_checks.require_finite(losses)
        return
    backlog = backlog_of(step, ready.warm.step)
    losses.after(backlog.steps, step)
    clock = check_clock(timings, backlog.seconds, on_cpu=backend.on_cpu())
    emit(FactsFound(facts=CaseFacts(clock=clock)))
    require_sane(case, built, ready, clock, emit)
