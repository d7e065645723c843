"""Take the profile of a case: in a process of its own, never the timed one."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anatomy.bench import timing
from anatomy.bench.backends.step import Step
from anatomy.bench.build import Built
from anatomy.bench.case import LOOPS, Case
from anatomy.bench.counting import count_model
from anatomy.bench.devices.group import Group
from anatomy.bench.measure import phase
from anatomy.bench.profiling.activity import LAUNCH
from anatomy.bench.profiling.attribute import attribute
from anatomy.bench.profiling.bound import LayerCeilings
from anatomy.bench.profiling.layers import layers_of
from anatomy.bench.profiling.scoping import open_scopes
from anatomy.bench.profiling.tracer import Tracer, open_tracer
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.tensorboard.graph import write_graph
from anatomy.bench.tensorboard.layout import place_trace

Emit = Callable[[str, Mapping[str, Any]], None]

STEPS = 5
# A trace is to be looked at: no longer than this, but no fewer steps than two.
_LONGEST_S = 10.0
_FEWEST = 2
# Steps before the trace, for their median.
_UNTRACED = 7


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
    why_not = tracer.why_not(built.model)
    if why_not:
        raise NotImplementedError(f"time by layer: {why_not}")
    layers = layers_of(built.model, count_model(built.model), case)
    if tracer.scopes_at_compile_time:
        open_scopes(built.model, layers, tracer.scope)
    step = group.prepare(built.model, built.batch, case.mode)
    with phase("compile", emit):
        timing.timed_step(step)
    with phase("warmup", emit):
        timing.warm_up(step, settings.warmup_s, max(settings.warmup_s, settings.warmup_budget_s))
    emit("phase", {"name": "measure"})
    step_s = statistics.median(_wait_each(step, _UNTRACED))
    if not tracer.scopes_at_compile_time:
        open_scopes(built.model, layers, tracer.scope)
    emit("phase", {"name": "trace"})
    folder.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system, so that the trace can be moved.
    with tempfile.TemporaryDirectory(dir=folder.parent) as written:
        wall_s = _trace(tracer, step, _steps(step_s), Path(written))
        traced = tracer.read(place_trace(folder, Path(written)), step, layers)
    graph = tracer.graph(step)
    if graph is not None:
        write_graph(folder, graph)
    # The profiler's first step pays for its start.
    fields = attribute(replace(traced, steps=traced.steps[1:]), layers, wall_s[1:], ceilings)
    emit("profile", {name: _plain(value) for name, value in fields.items()} | {"step": step_s})


def require_profilable(case: Case, group: Group) -> None:
    """What has no profile.

    Raises:
        NotImplementedError: always with what to do instead.
    """
    if case.mode in LOOPS:
        raise NotImplementedError(
            f"profiles are of the compiled step; use --mode {LOOPS[case.mode]} instead of {case.mode}"
        )
    if case.mode not in ("train", "infer"):
        raise NotImplementedError(f"nothing runs in mode {case.mode}; use --mode train or infer")
    if group.processes > 1:
        raise NotImplementedError("the trace of a step of several processes would show one of them; use --devices 1")
    if not group.on_cpu():
        raise NotImplementedError(
            "time by layer has been checked on CPUs alone; on a GPU look at the trace that the backend's profiler takes"
        )


def _steps(step_s: float) -> int:
    return max(_FEWEST, min(STEPS, int(_LONGEST_S / step_s)))


def _wait_each(step: Step, number: int) -> list[float]:
    found = []
    for _ in range(number):
        start = time.perf_counter()
        outputs = step.launch()
        step.drain([outputs])
        found.append(time.perf_counter() - start)
    return found


def _trace(tracer: Tracer, step: Step, number: int, folder: Path) -> list[float]:
    """Seconds of each traced step, by this process's clock."""
    wall_s = []
    with tracer.recording(folder):
        for count in range(number + 1):
            start = time.perf_counter()
            with tracer.step(count):
                with tracer.annotation(LAUNCH):
                    outputs = step.launch()
                step.drain([outputs])
            wall_s.append(time.perf_counter() - start)
    return wall_s


def _plain(value: Any) -> Any:
    """JSON values of models, and lists of them."""
    if isinstance(value, list):
        return [one.model_dump() for one in value]
    return value.model_dump() if hasattr(value, "model_dump") else value
