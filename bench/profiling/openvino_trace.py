"""Traces of OpenVINO: its counters of each operation's time, whose nodes were named by the layer that made them.

OpenVINO has no timeline but a duration for each node of a compiled model (`PERF_COUNT`, `InferRequest.profiling_info`,
https://docs.openvino.ai/). Its CPU plug-in runs the nodes of one request one after the other: they are laid so, in the
order of the program, from the beginning of the call. What is left of a step is the host's.
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

from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Activity, Traced, Window, Work
from anatomy.bench.profiling.work_kinds import kind_of
from anatomy.bench.tensorboard.log_layout import trace_file
from anatomy.bench.xla.xspace import Event, Line, Plane
from anatomy.bench.xla.xspace_writer import HOST_PLANE, operation_event, step_event, write_xspace

_SEPARATOR = "|"


@dataclass
class _Recorded:
    """What a recording holds: the host's windows by name, and each call's begin and nodes."""

    windows: dict[str, list[Window]] = field(default_factory=dict)
    calls: list[tuple[float, list[Any]]] = field(default_factory=list)


class Tracer:
    """Counters of the compiled model. From its making on, models of this process are compiled with them."""

    scopes_at_compile_time = True

    def __init__(self) -> None:
        self._scopes: list[str] = []
        self._recorded: _Recorded | None = None
        self._done = _Recorded()
        self._name_nodes()
        self._count_at_compilation()

    def unsupported_reason(self, model: Any) -> str | None:
        """Models that Keras does not compile run eagerly."""
        return None

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes that are made within it have its name in theirs."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def annotation(self, name: str) -> Iterator[None]:
        """A window of the host."""
        start = time.perf_counter()
        yield
        if self._recorded is not None:
            self._recorded.windows.setdefault(name, []).append(Window(start, time.perf_counter()))

    def step(self, number: int) -> AbstractContextManager[Any]:
        """A window of the host around a step."""
        return self.annotation(STEP)

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Keep the counters of each call, and write them as an XSpace."""
        self._recorded = self._done = _Recorded()
        yield
        self._recorded = None
        write_xspace(trace_file(folder), [self._plane()])

    def graph(self, step: Any) -> bytes | None:
        """None that TensorBoard shows."""
        return None

    def read(self, path: Path, step: Any, layers: Layers) -> Traced:
        """Nodes of all calls."""
        windows = self._done.windows
        activities = [Activity(start, end, _work(node, layers)) for start, end, node in _laid_out(self._done.calls)]
        return Traced(windows.get(STEP, []), windows.get(FETCH, []), windows.get(LAUNCH, []), activities)

    def keep(self, start: float, nodes: list[Any]) -> None:
        """Take in a call, while recording."""
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
        for name, windows in self._done.windows.items():
            for number, window in enumerate(windows):
                start_ns, duration_ns = window.start * 1e9, (window.end - window.start) * 1e9
                is_step = name == STEP
                host.append(
                    step_event(number, start_ns, duration_ns, STEP) if is_step else Event(name, start_ns, duration_ns)
                )
        nodes = [
            operation_event(node.node_type, start * 1e9, (end - start) * 1e9, {"node": node.node_name})
            for start, end, node in _laid_out(self._done.calls)
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
        """As `CompiledModel.__call__` does."""
        start = time.perf_counter()
        outputs = self._request.infer(inputs, share_inputs=True, share_outputs=False)
        self._tracer.keep(start, self._request.profiling_info)
        return outputs


def _laid_out(calls: list[tuple[float, list[Any]]]) -> Iterator[tuple[float, float, Any]]:
    """Begin, end and node of all that ran, in seconds."""
    for begin, nodes in calls:
        start = begin
        for node in nodes:
            end = start + node.real_time.total_seconds()
            if end > start:
                yield start, end, node
            start = end


def _work(node: Any, layers: Layers) -> Work:
    layer = layers.find(node.node_name.split(_SEPARATOR))
    return Work(layer, node.node_type, kind_of(node.node_type, layer, layers.family(layer)), "forward")
