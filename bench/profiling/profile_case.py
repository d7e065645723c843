"""Profile a case: trace a few of its steps, in a process that measures nothing else."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from anatomy.bench.backends.step import StepBackend
from anatomy.bench.counting import count_model
from anatomy.bench.measurement.measure_case import MeasureTask, phase
from anatomy.bench.native.native_backend import NativeBackend, framework_of, resolve_jit
from anatomy.bench.parallel.device_group import Group
from anatomy.bench.profiling.annotate_layers import annotate_layers
from anatomy.bench.profiling.layer_index import PARTS, LayerIndex, build_layer_index
from anatomy.bench.profiling.profile_tables import make_profile
from anatomy.bench.profiling.roofline_bound import CaseCeilings
from anatomy.bench.profiling.stepping import stepping_of
from anatomy.bench.profiling.trace_events import Trace
from anatomy.bench.profiling.tracer import Tracer, open_tracer
from anatomy.bench.protocol.events import PhaseBegan
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.tensorboard.event_files import write_graph
from anatomy.bench.tensorboard.log_layout import place_trace

# Said on every profile of a GPU until `tests/gpu` has checked one there.
NOT_CHECKED_ON_A_GPU = (
    "time by layer is read from the GPU's own records of kernels and launches; this reading is tested on recorded and "
    "hand-made traces, and has not been checked on a GPU: compare it with `anatomy trace`"
)


def profile_case(task: MeasureTask, folder: Path, ceilings: CaseCeilings | None) -> None:
    """Trace a few steps of a built case and emit where their time went.

    Args:
        folder: where the trace is left.
        ceilings: what the machine can do at best; `None` if that was not measured.

    Raises:
        NotImplementedError: the case cannot be profiled; the message says what can.
    """
    case, model = task.case, task.built.model
    tracer = open_tracer(case.keras_backend)
    if reason := _unsupported_reason(case, model, tracer):
        raise NotImplementedError(f"time by layer: {reason}")
    layers = build_layer_index(model, count_model(model, task.built.input_shapes()), case)
    if tracer.scopes_at_compile_time and not case.native:
        annotate_layers(model, layers, tracer.scope)
    step = _backend(task, layers).prepare(model, task.built.batch, LOOPS.get(case.mode, case.mode))
    stepping = stepping_of(case, task.built, step)
    with phase("warmup", task.emit):
        stepping.warm_up(task.settings)
    task.emit(PhaseBegan(name="measure"))
    step_s = stepping.step_s()
    # A compiled step keeps no marks, and would be compiled anew with them.
    if not tracer.scopes_at_compile_time and not case.native and not _is_compiled(case, model):
        annotate_layers(model, layers, tracer.scope)
    task.emit(PhaseBegan(name="trace"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system, so the trace can be moved.
    with tempfile.TemporaryDirectory(dir=folder.parent) as written:
        recorded = stepping.record(tracer, Path(written), step_s)
        trace = tracer.read(place_trace(folder, Path(written)), step, layers)
    graph = tracer.graph(step)
    if graph is not None:
        write_graph(folder, graph)
    # The first interval includes the profiler's start.
    trace = replace(trace, steps=trace.steps[1:])
    caveats = [] if task.backend.on_cpu() else caveats_on_a_gpu(trace)
    task.emit(make_profile(trace, layers, recorded.wall_s[1:], recorded.steps, step_s, ceilings, caveats))


def caveats_on_a_gpu(trace: Trace) -> list[str]:
    """What to know of a profile of a GPU: first what its own trace shows, last what is true of all."""
    return [*trace.notes, NOT_CHECKED_ON_A_GPU]


def _backend(task: MeasureTask, layers: LayerIndex) -> StepBackend:
    """What makes the step; a native program has the marks of the layers in its source."""
    if not task.case.native:
        return task.backend

    def scope(path: str) -> str:
        return layers.mark(path if path in PARTS else layers.entry_at(path))

    return NativeBackend(task.case, scope)


def _unsupported_reason(case: Case, model: Any, tracer: Tracer) -> str | None:
    if case.backend == "onnxruntime":
        return "ONNX Runtime's nodes do not name the layers they come from"
    return tracer.unsupported_reason(_is_compiled(case, model))


def _is_compiled(case: Case, model: Any) -> bool:
    return resolve_jit(case.jit, framework_of(case)) if case.native else bool(model.jit_compile)


def require_profilable(case: Case, group: Group) -> None:
    """Raise where a case has no profile.

    Raises:
        NotImplementedError: it has none; the message says what to do instead.
    """
    if case.mode == "count":
        raise NotImplementedError("nothing runs in mode count; use --mode train, infer, fit or predict")
    if group.processes > 1:
        raise NotImplementedError("the trace of a step of several processes would show one of them; use --devices 1")
