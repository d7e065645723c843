"""Trace OpenVINO by its counters of each node's time; each node's name is given the marks of its layer.

OpenVINO has no timeline, only a duration for each node of a compiled model (`PERF_COUNT`,
`InferRequest.profiling_info`, https://docs.openvino.ai/). Its CPU plug-in runs the nodes of a request one after the
other, in the order of the program. They are placed accordingly from the beginning of the call; the rest of a step is
time of the host.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openvino
from openvino.utils.node_factory import NodeFactory

from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Interval, Trace, TraceEvent, Work
from anatomy.bench.profiling.work_kinds import kind_of
from anatomy.bench.tensorboard.log_layout import trace_file
from anatomy.bench.xla.xspace import Event, Line, Plane
from anatomy.bench.xla.xspace_writer import HOST_PLANE, operation_event, step_event, write_xspace

_SEPARATOR = "|"


@dataclass
class _Recorded:
    """What was recorded.

    Attributes:
        intervals: the host's annotations by name.
        calls: begin in seconds and nodes of each call of the compiled model.
    """

    intervals: dict[str, list[Interval]] = field(default_factory=dict)
    calls: list[tuple[float, list[Any]]] = field(default_factory=list)


class Tracer:
    """Traces with OpenVINO's counters; see `tracer.Tracer`. Models compiled after it was made have counters."""

    scopes_at_compile_time = True

    def __init__(self) -> None:
        self._scopes: list[str] = []
        self._recorded: _Recorded | None = None
        self._done = _Recorded()
        self._name_nodes()
        self._count_at_compilation()

    def unsupported_reason(self, compiled: bool) -> str | None:
        """`None`: every model can be profiled."""
        return None

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """A scope whose name becomes part of the names of nodes made within it."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def annotation(self, name: str) -> Iterator[None]:
        """An event of the host in the trace."""
        start = time.perf_counter()
        yield
        if self._recorded is not None:
            self._recorded.intervals.setdefault(name, []).append(Interval(start, time.perf_counter()))

    def step(self, number: int) -> AbstractContextManager[Any]:
        """An event of the host around a step."""
        return self.annotation(STEP)

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Record the counters of each call and write them as an XSpace."""
        self._recorded = self._done = _Recorded()
        yield
        self._recorded = None
        write_xspace(trace_file(folder), [self._plane()])

    def graph(self, step: Any) -> bytes | None:
        """`None`: OpenVINO has no graph that TensorBoard shows."""
        return None

    def read(self, path: Path, step: Any, layers: LayerIndex) -> Trace:
        """Attribute the nodes of all calls by their names."""
        intervals = self._done.intervals
        events = [TraceEvent(start, end, _work(node, layers)) for start, end, node in _placed(self._done.calls)]
        return Trace(intervals.get(STEP, []), intervals.get(FETCH, []), intervals.get(LAUNCH, []), events)

    def keep(self, start: float, nodes: list[Any]) -> None:
        """Record a call that began at `start`, if a recording is under way."""
        if self._recorded is not None:
            self._recorded.calls.append((start, nodes))

    def _name_nodes(self) -> None:
        create = NodeFactory.create

        def named(factory: Any, *arguments: Any, **options: Any) -> Any:
            node = create(factory, *arguments, **options)
            if self._scopes:
                node.set_friendly_name(_SEPARATOR.join([*self._scopes, node.get_friendly_name()]))
            return node

        NodeFactory.create = named

    def _count_at_compilation(self) -> None:
        compile_model = openvino.compile_model

        def counted(model: Any, device: str = "AUTO", config: dict[str, Any] | None = None) -> Any:
            return _Counted(compile_model(model, device, {**(config or {}), "PERF_COUNT": "YES"}), self)

        openvino.compile_model = counted

    def _plane(self) -> Plane:
        host = []
        for name, intervals in self._done.intervals.items():
            for number, interval in enumerate(intervals):
                start_ns, duration_ns = interval.start * 1e9, (interval.end - interval.start) * 1e9
                is_step = name == STEP
                host.append(
                    step_event(number, start_ns, duration_ns, STEP) if is_step else Event(name, start_ns, duration_ns)
                )
        nodes = [
            operation_event(node.node_type, start * 1e9, (end - start) * 1e9, {"node": node.node_name})
            for start, end, node in _placed(self._done.calls)
        ]
        return Plane(HOST_PLANE, (Line("host", tuple(host)), Line("OpenVINO", tuple(nodes))))


class _Counted:
    """A compiled model whose counters are read after each call."""

    def __init__(self, compiled: Any, tracer: Tracer) -> None:
        self._compiled, self._tracer = compiled, tracer
        self._request = compiled.create_infer_request()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)

    def __call__(self, inputs: Any) -> Any:
        """Run the model like `CompiledModel.__call__`, and record the counters."""
        start = time.perf_counter()
        outputs = self._request.infer(inputs, share_inputs=True, share_outputs=False)
        self._tracer.keep(start, self._request.profiling_info)
        return outputs


def _placed(calls: list[tuple[float, list[Any]]]) -> Iterator[tuple[float, float, Any]]:
    """Begin and end in seconds, and the node, of all nodes that ran."""
    for begin, nodes in calls:
        start = begin
        for node in nodes:
            end = start + node.real_time.total_seconds()
            if end > start:
                yield start, end, node
            start = end


def _work(node: Any, layers: LayerIndex) -> Work:
    layer = layers.find(node.node_name.split(_SEPARATOR))
    return Work(layer, node.node_type, kind_of(node.node_type, layer, layers.family(layer)), "forward")
