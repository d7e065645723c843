"""Measure one case in this process: build → compile → warm up → measure → probe.

Runs in a fresh process forked by the host. Every fact is emitted as soon as it is known, so that a
worker that dies leaves behind what it had found.
"""

from __future__ import annotations

import gc
import math
import random
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil

from anatomy.bench import memory, timing
from anatomy.bench.backends import step as step_module
from anatomy.bench.case import Case
from anatomy.bench.inputs import SEED, OpenShapeError, make_batch
from anatomy.bench.settings import MeasureSettings

Emit = Callable[[str, Mapping[str, Any]], None]

# What each framework's out-of-memory error says, since their classes cannot all be imported here.
_OUT_OF_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "ResourceExhausted",
    "OutOfMemory",
    "out of memory",
    "can't allocate memory",
)


class InvalidCaseError(ValueError):
    """The case ran and computed nonsense."""


def run_case(case: Case, settings: MeasureSettings, emit: Emit) -> None:
    """Measure `case` and emit its facts, then one `result`; never raises."""
    try:
        if case.mode == "count":
            _count(case, emit)
        else:
            _measure(case, settings, emit)
        emit("result", {"outcome": "ok", "reason": ""})
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a model raises becomes its record
        traceback.print_exc()
        emit("result", {"outcome": _outcome_of(error), "reason": _one_line(error)})


def _count(case: Case, emit: Emit) -> None:
    """Count a model of any size without allocating its weights."""
    from anatomy.bench.counting import count_model, skeleton
    from anatomy.models import build_any

    emit("phase", {"name": "build"})
    start = time.perf_counter()
    with skeleton():
        model = build_any(case.model, case.options)
        counts = count_model(model).summary()
    emit("facts", {"phases": {"build_s": time.perf_counter() - start}, "counts": counts.model_dump()})


def _measure(case: Case, settings: MeasureSettings, emit: Emit) -> None:
    if case.devices > 1:
        raise NotImplementedError(f"{case.devices} devices were asked for; a case is measured on one device")
    backend = step_module.load(case.backend)
    backend.initialise(SEED)
    emit("started", {"at_s": time.perf_counter(), "base_host_bytes": memory.resident_bytes()})
    memory.reset_peak()

    with _phase("build", emit):
        model, step = _build(case, backend)
    _describe(model, emit)

    with _phase("compile", emit):
        _, outputs = timing.timed_step(step)
    emit("facts", {"settings": _settings(case, model, backend, step), "loss_first": step.loss(outputs)})

    with _phase("warmup", emit):
        step_s = timing.warm_up(step, settings.warmup_s)
    gc.collect()
    plan = timing.plan_steps(step_s, settings.seconds, settings.steps)

    process = psutil.Process()
    cpu_before = process.cpu_times()
    timings = timing.measure(step, plan)
    cpu_after = process.cpu_times()

    window_s = timings.end_s - timings.start_s
    cpu_s = (cpu_after.user + cpu_after.system) - (cpu_before.user + cpu_before.system)
    loss_last = step.loss(timings.last_outputs)
    device_peak, why_no_device = backend.peak_device_bytes()
    emit(
        "facts",
        {
            "phases": {"measure_s": window_s},
            "window": [timings.start_s, timings.end_s],
            "step_s": timings.step_s,
            "blocks": [block.model_dump() for block in timings.blocks],
            "loss_last": loss_last if loss_last is None or math.isfinite(loss_last) else None,
            "cpu_cores_used": cpu_s / window_s,
            "peak_host_bytes": memory.peak_bytes(),
            "peak_device_bytes": device_peak,
            "not_measured": {"peak_device_bytes": why_no_device} if device_peak is None else {},
        },
    )
    if loss_last is not None and not math.isfinite(loss_last):
        raise InvalidCaseError(f"the loss was {loss_last} after {len(timings.step_s)} steps; it must be finite")


def _build(case: Case, backend: step_module.StepBackend) -> tuple[Any, step_module.Step]:
    """The model under its dtype policy, compiled, with its optimizer, data and step."""
    import keras

    from anatomy.bench.initialisers import numpy_initialisers
    from anatomy.bench.training import compile_model
    from anatomy.models import build_any

    # Not keras.utils.set_random_seed: it imports TensorFlow on every backend, time and memory that are not the model.
    random.seed(SEED)
    np.random.seed(SEED)
    keras.config.set_dtype_policy(case.dtype)
    with numpy_initialisers(SEED):
        model = build_any(case.model, case.options)
        if not getattr(model, "inputs", None):
            raise NotImplementedError(
                f"{case.model} returned a model without known inputs;"
                " use the functional API, or a Sequential that begins with an Input"
            )
        if case.mode == "train" and any("int" in str(output.dtype) for output in model.outputs):
            raise NotImplementedError(f"{case.model} has an integer output, which has no gradient; use --mode infer")
        losses = compile_model(model, case.jit, _loss_weights(case.model))
        if case.mode == "train":
            batch = make_batch(model, case.batch_size, losses)
            # Creates loss trackers and optimizer slots now: inside a traced step they could not be.
            model._symbolic_build(data_batch=(batch.x, batch.y))
        else:
            batch = make_batch(model, case.batch_size, None)
    return model, backend.prepare(model, batch, case.mode)


def _loss_weights(name: str) -> Mapping[str, float]:
    """The weights an architecture's paper gives to its outputs, by output name; empty for user models."""
    from anatomy.models import zoo

    return next((architecture.loss_weights for architecture in zoo() if architecture.name == name), {})


def _describe(model: Any, emit: Emit) -> None:
    from anatomy.bench.counting import count_model

    emit("facts", {"counts": count_model(model).summary().model_dump()})


def _settings(case: Case, model: Any, backend: step_module.StepBackend, step: step_module.Step) -> dict[str, Any]:
    import keras

    optimizer = getattr(model, "optimizer", None)
    return {
        "dtype_policy": keras.config.dtype_policy().name,
        "layout": keras.config.image_data_format(),
        "optimizer": type(optimizer).__name__ if case.mode == "train" else None,
        "initialisers": "numpy",
        **backend.settings(model, step),
    }


@contextmanager
def _phase(name: str, emit: Emit) -> Any:
    """Say which phase begins, and how long it took when it ends well."""
    emit("phase", {"name": name})
    start = time.perf_counter()
    yield
    emit("facts", {"phases": {f"{name}_s": time.perf_counter() - start}})


def _outcome_of(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return "oom"
    if isinstance(error, InvalidCaseError):
        return "invalid"
    return "unsupported" if isinstance(error, NotImplementedError | OpenShapeError) else "crashed"


def _one_line(error: Exception, limit: int = 300) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {' '.join(lines)}" if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
