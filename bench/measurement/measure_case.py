"""Measure a built case: the compiled step on both clocks, or Keras's own loop, with what shows that they hold."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from anatomy.bench.backends.step import Step, StepBackend
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.machine.peak_memory import PeakMeter
from anatomy.bench.measurement import timing, validity_checks
from anatomy.bench.measurement.fit_checks import FitStep, require_trained
from anatomy.bench.measurement.keras_loop import time_loop
from anatomy.bench.measurement.measured_window import measure_window
from anatomy.bench.measurement.output_sample import carries_state, sample_outputs
from anatomy.bench.measurement.validity_checks import Losses
from anatomy.bench.protocol.events import Emit, FactsFound, PhaseBegan
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.record_parts import ClockCheck, Phases
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.workload.build_case import Built
from anatomy.bench.workload.compile_model import optimizer_bytes
from anatomy.bench.workload.synthetic_batch import SEED, make_batch


@dataclass
class Ready:
    """A step that is compiled and warm, and what is known of it by then.

    Attributes:
        output_bytes: of one step's outputs.
        weight: the output layer's before the second step, where the case trains.
        warm: its warm-up.
    """

    step: Step
    losses: Losses
    output_bytes: int
    weight: Any
    warm: timing.WarmUp


def make_ready(
    case: Case, settings: MeasureSettings, backend: StepBackend, built: Built, memory: PeakMeter, emit: Emit
) -> Ready:
    """Compile and warm up the step on data that are on the device."""
    step = backend.prepare(built.model, built.batch, case.mode)
    losses = Losses()
    with phase("compile", emit):
        *_, outputs = timing.timed_step(step)
    losses.after(1, step, outputs)
    stateful = carries_state(built.model)
    if stateful and case.mode == "infer":
        # The first step has no state to carry: whether one is carried shows in the second.
        *_, outputs = timing.timed_step(step)
    with memory.paused():
        values = step.fetch(outputs)
        require_finite(case, values, "first step")
        output_bytes = sum(value.nbytes for value in values)
        sample = sample_outputs(values) if case.mode == "infer" else None
        del outputs, values
    memory.begin_phase()
    weight = step.weight() if case.mode == "train" else None
    settings_in_effect = _settings(case, built.model, backend, step)
    emit(FactsFound(facts=CaseFacts(settings=settings_in_effect, output_sample=sample, stateful=stateful)))

    with phase("warmup", emit):
        warm, outputs = timing.warm_up(step, settings.warmup_s, max(settings.warmup_s, settings.warmup_budget_s))
    losses.after(len(warm.step_s), step, outputs)
    losses.end_early()
    del outputs
    known = CaseFacts(warmup_steps=len(warm.step_s), warmup_settled=warm.settled, loss_first=_finite(losses.first))
    emit(FactsFound(facts=known.merged(_peaks(backend, memory))))
    gc.collect()
    return Ready(step, losses, output_bytes, weight, warm)


def measure_step(
    case: Case, settings: MeasureSettings, backend: StepBackend, built: Built, memory: PeakMeter, emit: Emit
) -> int:
    """The compiled step: both clocks, and what shows that they can be trusted. Returns the bytes of its outputs."""
    ready = make_ready(case, settings, backend, built, memory, emit)
    step, losses, warm, output_bytes = ready.step, ready.losses, ready.warm, ready.output_bytes
    plan = timing.plan_steps(warm.step, settings.seconds, settings.steps, output_bytes)
    target = settings.target if settings.steps is None else 0.0
    window = measure_window(step, plan, target, backend.on_cpu(), output_bytes, warm.step, losses)
    emit(FactsFound(facts=window.facts().merged(CaseFacts(loss_last=_finite(losses.last)))))
    require_finite(case, window.outputs, "last step")
    require_sane(case, built, ready, window.clock, emit)
    step.restore()
    return output_bytes


def require_finite(case: Case, outputs: Sequence[np.ndarray[Any, Any]], what: str) -> None:
    """As `validity_checks.require_finite_outputs`; in training the losses are asked instead."""
    if case.mode == "infer":
        validity_checks.require_finite_outputs(outputs, what)


def require_sane(case: Case, built: Built, ready: Ready, clock: ClockCheck, emit: Emit) -> None:
    """Raise `InvalidCaseError` for a case whose figures mean nothing; else say what was checked."""
    step, losses = ready.step, ready.losses
    validity_checks.require_finite(losses)
    if clock.verdict == "disagrees":
        raise InvalidCaseError(clock.reason)
    checks = {}
    if case.mode == "train":
        checks["weights move"] = validity_checks.require_moved(ready.weight, step.weight())
        checks["loss goes down"] = validity_checks.require_learning(step, losses)
    else:
        other = make_batch(built.model, case.batch_size, None, seed=SEED + 1)
        checks["outputs depend on inputs"] = validity_checks.require_dependence(step, built.batch, other)
    emit(FactsFound(facts=CaseFacts(checks=checks)))


def measure_loop(
    case: Case,
    settings: MeasureSettings,
    backend: StepBackend,
    built: Built,
    memory: PeakMeter,
    emit: Emit,
) -> None:
    """Keras's own loop, as a user runs it: `fit` or `predict`, nothing timed inside it."""
    loop_mode = LOOPS[case.mode]
    fits = case.mode == "fit"
    with memory.paused():
        # Only asked for a weight: `fit` donates the state that it holds.
        before = backend.prepare(built.model, built.batch, loop_mode).weight() if fits else None
    emit(PhaseBegan(name="warmup"))
    start_s = time.perf_counter()
    cpu_before = psutil.Process().cpu_times()
    timings = time_loop(built.model, built.batch, case.mode, settings.seconds, settings.steps, case.feed)
    cpu_after = psutil.Process().cpu_times()
    end_s = time.perf_counter()
    # Only asked for its settings: it holds the model and launches nothing.
    step = backend.prepare(built.model, built.batch, loop_mode)
    peaks = _peaks(backend, memory, f"{case.mode} compiles within its first epoch")
    known = CaseFacts(
        phases=Phases(compile_s=timings.compile_s, measure_s=sum(b.seconds for b in timings.blocks)),
        settings=_settings(case, built.model, backend, step),
        stateful=carries_state(built.model),
        window=(timings.start_s, timings.end_s),
        window_steps=sum(block.steps for block in timings.blocks),
        warmup_steps=timings.warmup_steps,
        blocks=timings.blocks,
        cpu_cores_used=_cpu_s(cpu_before, cpu_after) / (end_s - start_s),
        loss_first=_finite(timings.fits[0][1]) if fits else None,
        loss_last=_finite(timings.fits[-1][1]) if fits else None,
        not_measured={"step_s": f"{case.mode} times whole epochs of Keras's loop"},
    )
    emit(FactsFound(facts=known.merged(peaks)))
    if before is not None:
        trains_on = FitStep(built.model, built.batch, case.feed)
        checks = require_trained(timings.fits, trains_on, before, step.weight())
        sample = None
    else:
        validity_checks.require_finite_outputs(timings.sampled, "second epoch")
        checks = {"outputs are finite": validity_checks.require_finite_outputs(timings.outputs, "last epoch")}
        sample = sample_outputs(timings.sampled)
    emit(FactsFound(facts=CaseFacts(checks=checks, output_sample=sample)))


def _peaks(
    backend: StepBackend, memory: PeakMeter, why_no_phase_peak: str = "the kernel lets no process reset its peak"
) -> CaseFacts:
    """Memory at the end of the warm-up: the blocks that follow hold many outputs at once, as no user does."""
    device_peak, reason = backend.peak_device_bytes()
    host = memory.read()
    missing = {} if host.phase_peak is not None else {"step_peak_host_bytes": why_no_phase_peak}
    if device_peak is None:
        missing["peak_device_bytes"] = reason
    return CaseFacts(
        peak_host_bytes=host.whole,
        step_peak_host_bytes=host.phase_peak,
        peak_device_bytes=device_peak,
        not_measured=missing,
    )


def _finite(value: float | None) -> float | None:
    """JSON has no NaN."""
    return value if value is None or math.isfinite(value) else None


def _cpu_s(before: Any, after: Any) -> float:
    return float((after.user + after.system) - (before.user + before.system))


def _settings(case: Case, model: Any, backend: StepBackend, step: Step) -> dict[str, Any]:
    import keras

    optimizer = model.optimizer if case.mode in ("train", "fit") else None
    return {
        "dtype_policy": keras.config.dtype_policy().name,
        "layout": keras.config.image_data_format(),
        "optimizer": type(optimizer).__name__ if optimizer is not None else None,
        "optimizer_bytes": optimizer_bytes(optimizer) if optimizer is not None else None,
        "initialisers": "numpy",
        **backend.settings(model, step),
    }


@contextmanager
def phase(name: str, emit: Emit) -> Iterator[None]:
    """Say which phase begins, and how long it took when it ends well."""
    emit(PhaseBegan(name=name))
    start = time.perf_counter()
    yield
    seconds = Phases.model_validate({f"{name}_s": time.perf_counter() - start})
    emit(FactsFound(facts=CaseFacts(phases=seconds)))
