"""The measured window of a compiled step: its times on both clocks, and what the clocks say of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psutil

from anatomy.bench.backends.step import Step
from anatomy.bench.measurement import timing
from anatomy.bench.measurement.clock_check import backlog_of, check_clock, ran_on
from anatomy.bench.measurement.timing import Plan, Timings
from anatomy.bench.measurement.validity_checks import Losses
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.record_parts import ClockCheck, Phases

# Windows in which the clocks must disagree for a case to be invalid; the last one's times are the record's.
WINDOWS = 2


@dataclass(frozen=True)
class Window:
    """What was measured in one.

    Attributes:
        recompilations: programs that were added in it.
        cpu_s: CPU seconds of the process.
        outputs: of its last step, on the host.
    """

    timings: Timings
    clock: ClockCheck
    recompilations: int
    cpu_s: float
    outputs: Any

    def facts(self) -> CaseFacts:
        """What the record has of it."""
        seconds = self.timings.end_s - self.timings.start_s
        return CaseFacts(
            phases=Phases(measure_s=seconds),
            window=(self.timings.start_s, self.timings.end_s),
            window_steps=self.timings.launched,
            step_s=self.timings.step_s,
            blocks=self.timings.blocks,
            cpu_cores_used=self.cpu_s / seconds,
            recompilations=self.recompilations,
            clock=self.clock,
        )


def measure_window(
    step: Step, plan: Plan, target: float, on_cpu: bool, output_bytes: int, warm_s: float, losses: Losses
) -> Window:
    """Measure, and once more where the clocks disagree.

    A faulty step fails every time; a machine that changes its speed between a block and its steps does not.

    Args:
        target, plan: see `timing.measure`.
        on_cpu: whether CPU time shows the work of a step.
        output_bytes: of one step.
        warm_s: seconds of a warm step.
        losses: note what was launched.
    """
    earlier = ""
    for number in range(1, WINDOWS + 1):
        window = _once(step, plan, target, on_cpu, output_bytes, warm_s, losses)
        clock = window.clock
        disagrees = clock.verdict == "disagrees" and not ran_on(clock.backlog_s or 0.0, clock.synchronised_s or 0.0)
        if not disagrees or number == WINDOWS:
            break
        earlier = clock.reason
    return Window(**(vars(window) | {"clock": clock.model_copy(update={"earlier": earlier})}))


def _once(
    step: Step, plan: Plan, target: float, on_cpu: bool, output_bytes: int, warm_s: float, losses: Losses
) -> Window:
    programs, cpu_before = step.programs(), _cpu_s()
    timings = timing.measure(step, plan, target)
    cpu_s = _cpu_s() - cpu_before
    losses.after(timings.launched, step, timings.last_outputs)
    # Before further steps: of a group of processes only the latest outputs can be read.
    outputs = step.fetch(timings.last_outputs)
    backlog = backlog_of(step, warm_s)
    losses.after(backlog.steps, step)
    clock = check_clock(timings, backlog.seconds, on_cpu=on_cpu, held_bytes=2 * plan.block * output_bytes)
    return Window(timings, clock, step.programs() - programs, cpu_s, outputs)


def _cpu_s() -> float:
    used = psutil.Process().cpu_times()
    return float(used.user + used.system)
