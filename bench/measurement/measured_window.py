"""The measured window of a compiled step: its times on both clocks, and whether the clocks agree."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from anatomy.bench.backends.step import Step, WeightSums
from anatomy.bench.machine.others_load import OthersLoad, OthersMeter
from anatomy.bench.measurement.clock_check import backlog_of, check_clock, ran_on
from anatomy.bench.measurement.timing import RoundPlan, Timings, WarmUp, time_rounds
from anatomy.bench.measurement.validity_checks import Losses
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.record_parts import ClockCheck, Phases

# A case is invalid if the clocks disagree in this many windows; the times of the last one go into the record.
WINDOWS = 2


@dataclass
class WarmStep:
    """A step that is compiled and warmed up.

    Attributes:
        losses: updated with every step that is launched.
        output_bytes: size of one step's outputs.
        weights: checksums of the weights before the second step of a case that trains; else empty.
        warm_up: times of the warm-up.
        settings: in effect.
    """

    step: Step
    losses: Losses
    output_bytes: int
    weights: WeightSums
    warm_up: WarmUp
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredWindow:
    """The figures of one window.

    Attributes:
        recompilations: programs compiled within it.
        cpu_s: CPU seconds of this process.
        outputs: outputs of its last step, on the host.
        others: what other processes and the hypervisor took of its CPUs.
    """

    timings: Timings
    clock: ClockCheck
    recompilations: int
    cpu_s: float
    outputs: Any
    others: OthersLoad

    def facts(self) -> CaseFacts:
        """The figures as facts of the case."""
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
        ).merged(others_facts(self.others))


def measure_window(warm: WarmStep, plan: RoundPlan, target: float, on_cpu: bool) -> MeasuredWindow:
    """Measure a window, and a second one if the clocks disagree in the first.

    A faulty step disagrees every time; a machine that changes its speed between a block and its steps does not.

    Args:
        plan, target: see `timing.time_rounds`.
        on_cpu: whether the CPU time of this process shows the work of a step.
    """
    earlier = ""
    for number in range(1, WINDOWS + 1):
        window = _measure_once(warm, plan, target, on_cpu)
        clock = window.clock
        disagrees = clock.verdict == "disagrees" and not ran_on(clock.backlog_s or 0.0, clock.synchronised_s or 0.0)
        if not disagrees or number == WINDOWS:
            break
        earlier = clock.reason
    return replace(window, clock=clock.model_copy(update={"earlier": earlier}))


def _measure_once(warm: WarmStep, plan: RoundPlan, target: float, on_cpu: bool) -> MeasuredWindow:
    step, losses = warm.step, warm.losses
    programs, meter, cpu_before_s = step.programs(), OthersMeter(), time.process_time()
    timings = time_rounds(step, plan, target)
    cpu_s, others = time.process_time() - cpu_before_s, meter.read()
    losses.after(timings.launched, step, timings.last_outputs)
    # Before further steps: in a group of processes only the latest outputs can be fetched.
    outputs = step.fetch(timings.last_outputs)
    backlog = backlog_of(step, warm.warm_up.step)
    losses.after(backlog.steps, step)
    clock = check_clock(timings, backlog.seconds, on_cpu=on_cpu, held_bytes=2 * plan.block * warm.output_bytes)
    return MeasuredWindow(timings, clock, step.programs() - programs, cpu_s, outputs, others)


def others_facts(others: OthersLoad) -> CaseFacts:
    """The load by others over a window as facts of the case."""
    missing = dict.fromkeys(("others_cores", "steal_share"), others.why_not) if others.why_not else {}
    return CaseFacts(others_cores=others.cores, steal_share=others.steal_share, not_measured=missing)
