"""Trace torch: layers are marked as they are called; sequence numbers join backward to forward operations.

A forward operation with a `sequence_nr` has its gradient computed by a node with the same number, see
https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.profiler.emit_nvtx.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile, record_function

from anatomy.bench.backends.torch_step import on_cpu
from anatomy.bench.gpu_trace.kineto_file import read_kineto
from anatomy.bench.gpu_trace.recorded_work import NoDeviceWorkError, RecordedTrace
from anatomy.bench.profiling.device_steps import no_device_work
from anatomy.bench.profiling.layer_index import LayerIndex, is_mark
from anatomy.bench.profiling.recorded_planes import recorded_planes
from anatomy.bench.profiling.torch_kernels import torch_device_trace
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Interval, Level, Trace, TraceEvent, Work
from anatomy.bench.profiling.work_kinds import kind_of
from anatomy.bench.records.case_profile import OPTIMIZER, Pass
from anatomy.bench.tensorboard.log_layout import trace_file
from anatomy.bench.xla.xspace import Event, Line, Plane
from anatomy.bench.xla.xspace_writer import HOST_PLANE, operation_event, step_event, write_xspace

_NODE = "autograd::engine::evaluate_function: "
# `RecordScope::FUNCTION`: an operation called in the forward pass or by another operation.
_FORWARD = 0
# Adds a gradient to a variable; it has no number that leads to the variable's layer.
_ACCUMULATE = "AccumulateGrad"


class Tracer:
    """Traces with torch's own profiler; see `tracer.Tracer`."""

    scopes_at_compile_time = False

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._recorded: RecordedTrace | None = None

    def unsupported_reason(self, compiled: bool) -> str | None:
        """Reason for a compiled step on the CPU. On a GPU its kernels have kinds at least, and times."""
        return "torch.compile's kernels name no layers; use --jit off" if compiled and on_cpu() else None

    def scope(self, name: str) -> AbstractContextManager[Any]:
        """An event around everything that runs within it."""
        found: AbstractContextManager[Any] = record_function(name)
        return found

    def annotation(self, name: str) -> AbstractContextManager[Any]:
        """An event of the host in the trace."""
        found: AbstractContextManager[Any] = record_function(name)
        return found

    def step(self, number: int) -> AbstractContextManager[Any]:
        """An event of the host around a step."""
        found: AbstractContextManager[Any] = record_function(STEP)
        return found

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Record a trace and write it as an XSpace, which xprof shows like those of the other backends."""
        if not on_cpu():
            with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], acc_events=True) as recorded:
                yield
            file = folder / "kineto.json"
            recorded.export_chrome_trace(str(file))
            self._recorded = _read_own(file)
            file.unlink()
            write_xspace(trace_file(folder), recorded_planes(self._recorded))
            return
        with profile(activities=[ProfilerActivity.CPU], acc_events=True) as recorded:
            yield
        self._events = list(recorded.events() or [])
        write_xspace(trace_file(folder), [_plane(self._events)])

    def graph(self, step: Any) -> bytes | None:
        """`None`: torch has no graph that TensorBoard shows."""
        return None

    def read(self, path: Path, step: Any, layers: LayerIndex) -> Trace:
        """Attribute operations by the layer calls around them; the layer calls themselves are the host's work."""
        if self._recorded is not None:
            return torch_device_trace(self._recorded, layers)
        return Trace(
            steps=sorted(_intervals(self._events, STEP)),
            fetches=_intervals(self._events, FETCH),
            launches=_intervals(self._events, LAUNCH),
            events=list(_operations(self._events, layers)),
        )


def _read_own(file: Path) -> RecordedTrace:
    try:
        return read_kineto(file)
    except NoDeviceWorkError as error:
        raise no_device_work(error) from error


def _operations(events: Iterable[Any], layers: LayerIndex) -> Iterator[TraceEvent]:
    """The outermost operations and the layer calls, in order of their beginning: forward before backward."""
    owners: dict[int, str | None] = {}
    owner: str | None = None
    for event in sorted(events, key=lambda one: one.time_range.start):
        layer, is_node = layers.find(_scopes(event)), event.name.startswith(_NODE)
        if is_mark(event.name):
            inner = layers.find([*_scopes(event), event.name])
            yield _event(event, Work(inner, "Python", "host", "forward"), "host")
        elif not is_node and event.scope == _FORWARD and event.sequence_nr >= 0:
            owners[event.sequence_nr] = layer
        if _is_marked(event) or not (event.cpu_parent is None or _is_marked(event.cpu_parent)):
            continue
        if event.cpu_parent is not None and event.cpu_parent.name == FETCH:
            # Drawing a batch is waiting, not work of the step.
            continue
        if is_node:
            name = event.name.removeprefix(_NODE).rpartition("::")[2]
            owner = owner if name == _ACCUMULATE else owners.get(event.sequence_nr)
            yield _event(event, _work(name, owner, "backward", layers))
        else:
            yield _event(event, _work(event.name, layer, "update" if layer == OPTIMIZER else "forward", layers))


def _work(name: str, layer: str | None, pass_: Pass, layers: LayerIndex) -> Work:
    return Work(layer, name, kind_of(name, layer, layers.family(layer)), pass_, 1)


def _event(event: Any, work: Work, level: Level = "operation") -> TraceEvent:
    return TraceEvent(event.time_range.start / 1e6, event.time_range.end / 1e6, work, level)


def _scopes(event: Any) -> list[str]:
    """Names of the layer calls around an event, outermost first."""
    found = []
    parent = event.cpu_parent
    while parent is not None:
        if is_mark(parent.name):
            found.append(parent.name)
        parent = parent.cpu_parent
    return found[::-1]


def _is_marked(event: Any) -> bool:
    return is_mark(event.name) or event.name in (STEP, FETCH, LAUNCH)


def _intervals(events: Iterable[Any], name: str) -> list[Interval]:
    return [Interval(e.time_range.start / 1e6, e.time_range.end / 1e6) for e in events if e.name == name]


def _plane(events: Iterable[Any]) -> Plane:
    threads: dict[int, list[Event]] = {}
    steps = count()
    for event in sorted(events, key=lambda one: one.time_range.start):
        start_ns, duration_ns = event.time_range.start * 1e3, event.time_range.elapsed_us() * 1e3
        if event.name == STEP:
            shown = step_event(next(steps), start_ns, duration_ns, STEP)
        elif _is_marked(event):
            shown = Event(event.name, start_ns, duration_ns)
        else:
            shown = operation_event(event.name, start_ns, duration_ns, {"sequence_nr": event.sequence_nr})
        threads.setdefault(event.thread, []).append(shown)
    return Plane(HOST_PLANE, tuple(Line(f"thread {thread}", tuple(found)) for thread, found in threads.items()))
