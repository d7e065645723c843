"""Take the profile of a case: in a process of its own, never the timed one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from anatomy.bench.counting import count_model
from anatomy.bench.measurement.measure_case import phase
from anatomy.bench.parallel.device_group import Group
from anatomy.bench.profiling.annotate_layers import open_scopes
from anatomy.bench.profiling.layer_rows import layers_of
from anatomy.bench.profiling.profile_tables import attribute
from anatomy.bench.profiling.roofline_bound import LayerCeilings
from anatomy.bench.profiling.stepping import stepping_of
from anatomy.bench.profiling.tracer import open_tracer
from anatomy.bench.protocol.events import Emit, PhaseBegan
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.tensorboard.keras_graph import write_graph
from anatomy.bench.tensorboard.log_layout import place_trace
from anatomy.bench.workload.build_case import Built


def take_profile(
    case: Case,
    settings: MeasureSettings,
    group: Group,
    built: Built,
    folder: Path,
    ceilings: LayerCeilings | None,
    emit: Emit,
) -> None:
    """Trace a few steps of a built case into `folder` and emit what became of their time.

    Raises:
        NotImplementedError: the case cannot be profiled; says what can.
    """
    tracer = open_tracer(case.backend)
    if reason := tracer.unsupported_reason(built.model):
        raise NotImplementedError(f"time by layer: {reason}")
    layers = layers_of(built.model, count_model(built.model), case)
    if tracer.scopes_at_compile_time:
        open_scopes(built.model, layers, tracer.scope)
    step = group.prepare(built.model, built.batch, LOOPS.get(case.mode, case.mode))
    stepping = stepping_of(case, built, step)
    with phase("warmup", emit):
        stepping.warm_up(settings)
    emit(PhaseBegan(name="measure"))
    step_s = stepping.step_s()
    if not tracer.scopes_at_compile_time:
        open_scopes(built.model, layers, tracer.scope)
    emit(PhaseBegan(name="trace"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system, so that the trace can be moved.
    with tempfile.TemporaryDirectory(dir=folder.parent) as written:
        recorded = stepping.record(tracer, Path(written), step_s)
        traced = tracer.read(place_trace(folder, Path(written)), step, layers)
    graph = tracer.graph(step)
    if graph is not None:
        write_graph(folder, graph)
    # The first window has paid for the profiler's start.
    traced = replace(traced, steps=traced.steps[1:])
    emit(attribute(traced, layers, recorded.wall_s[1:], recorded.steps, step_s, ceilings))


def require_profilable(case: Case, group: Group) -> None:
    """What has no profile.

    Raises:
        NotImplementedError: always with what to do instead.
    """
    if case.mode == "count":
        raise NotImplementedError("nothing runs in mode count; use --mode train, infer, fit or predict")
    if group.processes > 1:
        raise NotImplementedError("the trace of a step of several processes would show one of them; use --devices 1")
    if not group.on_cpu():
        raise NotImplementedError(
            "time by layer has been checked on CPUs alone; on a GPU look at the trace that the backend's profiler takes"
        )
