"""Measure a built case, either the compiled step on both clocks or Keras's own loop, and check its figures."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Step, StepBackend
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.input_pipeline.case_feed import drawn_from, feed_of
from anatomy.bench.machine.others_load import OthersMeter
from anatomy.bench.machine.peak_memory import PeakMeter
from anatomy.bench.measurement import timing, validity_checks
from anatomy.bench.measurement.fit_checks import FitStep, require_trained
from anatomy.bench.measurement.input_cost import measure_input
from anatomy.bench.measurement.keras_loop import time_loop
from anatomy.bench.measurement.measured_window import WarmStep, measure_window, others_facts
from anatomy.bench.measurement.unsaturated_outputs import scaled_outputs
from anatomy.bench.measurement.validity_checks import Losses
from anatomy.bench.native.agreement import require_agreement
from anatomy.bench.protocol.events import Emit, FactsFound, PhaseBegan
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.checked_numbers import finite_or_none
from anatomy.bench.records.cpu_list import cpus_text
from anatomy.bench.records.record_parts import ClockCheck, Phases, ScaledOutputs
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.workload.build_case import Built
from anatomy.bench.workload.compile_model import dtype_policy, optimizer_bytes, optimizers, trains_itself
from anatomy.bench.workload.output_sample import carries_state, sample_outputs
from anatomy.models.returned_network import is_held


@dataclass(frozen=True)
class MeasureTask:
    """Everything that measuring one built case needs.

    Attributes:
        backend: the devices of the case, ready to run it.
        built: the model and its batch.
        memory: meter of the peak memory since before the model was built.
        emit: reports what is found, as soon as it is known.
    """

    case: Case
    settings: MeasureSettings
    backend: StepBackend
    built: Built
    memory: PeakMeter
    emit: Emit

    def found(self, facts: CaseFacts) -> None:
        """Report facts of the case."""
        self.emit(FactsFound(facts=facts))


def compile_and_warm_up(task: MeasureTask) -> WarmStep:
    """Compile the step and warm it up, on a batch that is already on the device."""
    case, settings, built = task.case, task.settings, task.built
    step = task.backend.prepare(built.model, built.batch, case.mode)
    # Keras reports a running mean.
    losses = Losses(raw=case.native or trains_itself(built.model) == "train_step")
    with phase("compile", task.emit):
        *_, outputs = timing.timed_step(step)
    losses.after(1, step, outputs)
    stateful = carries_state(built.model)
    if stateful and case.mode == "infer":
        # The first step has no state to carry over: only the second shows whether state is carried.
        *_, outputs = timing.timed_step(step)
    with task.memory.paused():
        values = step.fetch(outputs)
        require_finite(case, values, "first step")
        output_bytes = sum(value.nbytes for value in values)
        sample = sample_outputs(values) if case.mode == "infer" else None
        weights = step.weights() if case.mode == "train" else []
        del outputs, values
    task.memory.begin_phase()
    in_effect = _settings_in_effect(task, step)
    task.found(CaseFacts(settings=in_effect, output_sample=sample, stateful=stateful))

    with phase("warmup", task.emit):
        warm_up, outputs = timing.warm_up(step, settings.warmup_s, max(settings.warmup_s, settings.warmup_budget_s))
    losses.after(len(warm_up.step_s), step, outputs)
    losses.end_early()
    del outputs
    known = CaseFacts(warmup_steps=len(warm_up.step_s), warmup_settled=warm_up.settled)
    task.found(known.merged(loss_facts("loss_first", losses.first)).merged(_peaks(task)))
    gc.collect()
    return WarmStep(step, losses, output_bytes, weights, warm_up, in_effect)


def measure_step(task: MeasureTask) -> WarmStep:
    """Measure the compiled step on both clocks and check it.

    Raises:
        InvalidCaseError: the figures mean nothing.
    """
    settings = task.settings
    warm = compile_and_warm_up(task)
    plan = timing.plan_rounds(warm.warm_up.step, settings.seconds, settings.steps, warm.output_bytes)
    target = settings.target if settings.steps is None else 0.0
    window = measure_window(warm, plan, target, task.backend.on_cpu())
    task.found(window.facts().merged(loss_facts("loss_last", warm.losses.last)))
    require_finite(task.case, window.outputs, "last step")
    require_valid(task, warm, window.clock)
    warm.step.restore()
    return warm


def require_finite(case: Case, outputs: Sequence[np.ndarray[Any, Any]], what: str) -> None:
    """Raise `InvalidCaseError` if outputs of `infer` are not finite; in training the losses are checked instead."""
    if case.mode == "infer":
        validity_checks.require_finite_outputs(outputs, what)


def require_valid(task: MeasureTask, warm: WarmStep, clock: ClockCheck) -> None:
    """Check that the measured step did what it claims, and report the checks.

    Raises:
        InvalidCaseError: it did not, or its clocks disagree.
    """
    step, losses, built = warm.step, warm.losses, task.built
    diverged = validity_checks.require_finite(losses, built.chosen_optimizer)
    if clock.verdict == "disagrees":
        raise InvalidCaseError(clock.reason)
    checks = {}
    if task.case.mode == "train":
        moved = checks["weights move"] = validity_checks.require_update(
            step, warm.weights, built.model.trainable_variables
        )
        flat = moved if moved.endswith(validity_checks.FLAT) else ""
        checks["loss goes down"] = (
            diverged or flat or validity_checks.require_learning(step, losses, built.unjudged, built.chosen_optimizer)
        )
    else:
        checks["outputs depend on inputs"] = _dependence(task, step)
        task.found(CaseFacts(scaled_outputs=_scaled_outputs(task, step)))
    if task.case.native:
        step.restore()
        checks["agrees with Keras"] = require_agreement(task.case)
    task.found(CaseFacts(checks=checks))


def _dependence(task: MeasureTask, step: Step) -> str:
    built = task.built
    others = (built.other_inputs(number) for number in range(1, validity_checks.OTHER_INPUTS + 1))
    return validity_checks.require_dependence(step, built.batch, others, built.model.trainable_variables)


def _scaled_outputs(task: MeasureTask, step: Step) -> ScaledOutputs | None:
    """Take the outputs of the compiled step again, with smaller last weights where its own saturate them."""

    def outputs() -> Sequence[np.ndarray[Any, Any]]:
        return step.fetch(step.launch())

    try:
        return scaled_outputs(task.built.model, outputs, step.put_weights)
    except NotImplementedError:
        # A step that takes no other weights: its saturated outputs are all that can be compared.
        return None


def measure_loop(task: MeasureTask) -> None:
    """Measure Keras's own loop, `fit` or `predict`, from outside, and check it.

    Raises:
        InvalidCaseError: the figures mean nothing.
    """
    case, built = task.case, task.built
    loop_mode = LOOPS[case.mode]
    fits = case.mode == "fit"
    with task.memory.paused():
        # This step only gives access to the weight: `fit` donates the state that it holds.
        before = task.backend.prepare(built.model, built.batch, loop_mode).weights() if fits else None
    task.emit(PhaseBegan(name="warmup"))
    meter, start_s, cpu_start_s = OthersMeter(), time.perf_counter(), time.process_time()
    fed = feed_of(case, built)
    timings = time_loop(built.model, built.batch, case.mode, task.settings.seconds, task.settings.steps, fed)
    cpu_s, wall_s, others = time.process_time() - cpu_start_s, time.perf_counter() - start_s, meter.read()
    # This step only gives access to settings and weight; it launches nothing.
    step = task.backend.prepare(built.model, built.batch, loop_mode)
    known = CaseFacts(
        phases=Phases(compile_s=timings.compile_s, measure_s=sum(b.seconds for b in timings.blocks)),
        settings=_settings_in_effect(task, step)
        | {"steps_per_execution": int(getattr(built.model, "steps_per_execution", 1))},
        stateful=carries_state(built.model),
        window=(timings.start_s, timings.end_s),
        window_steps=sum(block.steps for block in timings.blocks),
        warmup_steps=timings.warmup_steps,
        blocks=timings.blocks,
        cpu_cores_used=cpu_s / wall_s,
        not_measured={"step_s": f"{case.mode} times whole epochs of Keras's loop"},
    )
    if timings.fits:
        known = known.merged(loss_facts("loss_first", timings.fits[0][1])).merged(
            loss_facts("loss_last", timings.fits[-1][1])
        )
    task.found(known.merged(others_facts(others)).merged(_peaks(task, f"{case.mode} compiles within its first epoch")))
    if before is not None:
        # Prepared beforehand: what the loss does is no question of the input.
        trains_on = FitStep(built.model, built.batch, fed.ready() if fed.examples is not None else fed)
        unjudged = built.unjudged or (f"the examples come from {case.source}" if case.source else "")
        checks = require_trained(timings.fits, trains_on, before, step.weights(), unjudged, built.chosen_optimizer)
        sample = None
    else:
        validity_checks.require_finite_outputs(timings.sampled, "second epoch")
        checks = {"outputs are finite": validity_checks.require_finite_outputs(timings.outputs, "last epoch")}
        sample = sample_outputs(timings.sampled)
        task.found(CaseFacts(scaled_outputs=_scaled_predictions(built)))
    task.found(CaseFacts(checks=checks, output_sample=sample))
    if fed.examples is not None or built.batch.dataset is not None:
        steps = timings.blocks[0].steps
        task.found(CaseFacts(input_figures=measure_input(built.model, built.batch, case.mode, fed, steps)))
        if drawn := drawn_from(fed):
            task.found(CaseFacts(inputs=drawn))


def _scaled_predictions(built: Built) -> ScaledOutputs | None:
    """Take the predictions for one batch again, with smaller last weights where the own ones saturate them."""
    import keras

    def outputs() -> Sequence[np.ndarray[Any, Any]]:
        found: list[np.ndarray[Any, Any]] = keras.tree.flatten(built.model.predict_on_batch(built.batch.x))
        return found

    def put(values: Sequence[np.ndarray[Any, Any]]) -> None:
        for variable, value in zip(built.model.trainable_variables, values, strict=True):
            variable.assign(value)

    return scaled_outputs(built.model, outputs, put)


def _peaks(task: MeasureTask, why_no_phase_peak: str = "the kernel lets no process reset its peak") -> CaseFacts:
    """Peak memory at the end of the warm-up: the blocks that follow hold many outputs at once, as no user does."""
    device_peak, reason = task.backend.peak_device_bytes()
    host = task.memory.read()
    missing = {} if host.phase_peak is not None else {"step_peak_host_bytes": why_no_phase_peak}
    if device_peak is None:
        missing["peak_device_bytes"] = reason
    return CaseFacts(
        peak_host_bytes=host.whole,
        step_peak_host_bytes=host.phase_peak,
        peak_device_bytes=device_peak,
        not_measured=missing,
    )


def loss_facts(name: str, value: float | None) -> CaseFacts:
    """The loss under its name in the record; of one that is not finite, what it was."""
    loss = finite_or_none(value)
    return CaseFacts.model_validate({name: loss, "not_measured": {} if loss == value else {name: f"it was {value}"}})


def _settings_in_effect(task: MeasureTask, step: Step) -> dict[str, Any]:
    import keras

    from anatomy.bench.workload.held_training import chosen_loss

    model = task.built.model
    used = optimizers(model) if task.case.mode in ("train", "fit") else []
    return {
        "dtype_policy": dtype_policy(model),
        "layout": keras.config.image_data_format(),
        "optimizer": ", ".join(type(optimizer).__name__ for optimizer in used) or None,
        "optimizer_bytes": sum(map(optimizer_bytes, used)) if used else None,
        "initialisers": "the network's own" if is_held(model) else "numpy",
        **({"loss": chosen_loss(model)} if used and is_held(model) else {}),
        **({"run_eagerly": True} if model.run_eagerly else {}),
        "cpus": cpus_text(os.sched_getaffinity(0)),
        **task.backend.settings(model, step),
    }


@contextmanager
def phase(name: str, emit: Emit) -> Iterator[None]:
    """Report which phase begins and, unless it fails, how long it took."""
    emit(PhaseBegan(name=name))
    start = time.perf_counter()
    yield
    seconds = Phases.model_validate({f"{name}_s": time.perf_counter() - start})
    emit(FactsFound(facts=CaseFacts(phases=seconds)))
