"""Steps, fetches and operations of a trace, from a file as TensorFlow and JAX write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Interval, TraceEvent, Work
from anatomy.bench.profiling.xspace_trace import read_trace
from anatomy.bench.xla.xspace import Event, Line, Plane
from anatomy.bench.xla.xspace_writer import write_xspace

WORK = Work("layer", "dot", "matrix product", "forward")


def read_dots(event: Event, end: float) -> TraceEvent | None:
    return TraceEvent(event.start_ns / 1e9, end, WORK) if event.name.startswith("dot") else None


Found = tuple[list[Interval], list[Interval], list[Interval], list[float]]


def traced(tmp_path: Path, *events: Event, fetching: str = "") -> Found:
    path = tmp_path / "host.xplane.pb"
    write_xspace(path, [Plane("/host:CPU", (Line("main", events),))])
    found = read_trace(path, read_dots, fetching)
    return found.steps, found.fetches, found.launches, [one.end - one.start for one in found.events]


def test_the_hosts_annotations_are_windows(tmp_path: Path) -> None:
    events = (Event(STEP, 0, 10e9), Event(FETCH, 1e9, 1e9), Event(LAUNCH, 2e9, 3e9), Event("other", 0, 5e9))
    assert traced(tmp_path, *events) == ([Interval(0, 10)], [Interval(1, 2)], [Interval(2, 5)], [])


def test_steps_are_in_order_of_time_whatever_that_of_the_file(tmp_path: Path) -> None:
    steps, *_ = traced(tmp_path, Event(STEP, 4e9, 2e9), Event(STEP, 0, 1e9), Event(STEP, 2e9, 1e9))
    assert steps == [Interval(0, 1), Interval(2, 3), Interval(4, 6)]


def test_an_operation_ends_where_its_work_in_other_threads_does(tmp_path: Path) -> None:
    started = Event("dot.1", 1e9, 1e6, {"_p": 7})
    ended = Event("end: dot.1", 3e9, 1e9, {"_c": 7})
    alone = Event("dot.2", 5e9, 1e9, {"_p": 8})
    *_, seconds = traced(tmp_path, started, ended, alone)
    assert seconds == pytest.approx([3, 1])


def test_drawing_a_batch_within_the_graph_is_fetching(tmp_path: Path) -> None:
    draw = Event("IteratorGetNext:IteratorGetNext", 1e9, 1e9, display_name="IteratorGetNext")
    step = Event(STEP, 0, 10e9)
    assert traced(tmp_path, step, draw, fetching="IteratorGetNext")[1] == [Interval(1, 2)]
    assert traced(tmp_path, step, draw)[1] == []


def test_tensorflows_operations_are_known_by_their_scopes() -> None:
    tensorflow_trace = pytest.importorskip("anatomy.bench.profiling.tensorflow_trace")
    layers = LayerIndex([LayerEntry("dense", "Dense", None, 1, 1), LayerEntry("dense_1", "Dense", None, 1, 1)])
    read = tensorflow_trace.operation_event_reader(layers)
    # TensorFlow has made Keras's scope of the first layer unique: it has the second one's name.
    place = f"gradient_tape/net_1/{layers.mark('dense')}_1/dense_1/MatMul"
    found = read(Event(f"{place}:MatMul", 1e9, 1e9, display_name="MatMul"), 2.0)
    assert (found.work.layer, found.work.pass_, found.work.kind) == ("dense", "backward", "matrix product")
    loop = read(Event("while:While", 1e9, 1e9, display_name="While"), 2.0)
    assert loop.level == "container"
    assert read(Event("ExecutorState::Process", 1e9, 1e9), 2.0) is None
    assert read(Event("IteratorGetNext:IteratorGetNext", 0, 1, display_name="IteratorGetNext"), 1.0) is None


@pytest.mark.parametrize(("kind", "fused"), [("FusedBatchNormV3", 1), ("_FusedConv2D", None), ("Conv2D", 1)])
def test_tensorflow_does_not_tell_how_many_were_merged(kind: str, fused: int | None) -> None:
    tensorflow_trace = pytest.importorskip("anatomy.bench.profiling.tensorflow_trace")
    read = tensorflow_trace.operation_event_reader(LayerIndex([]))
    assert read(Event(f"net/{kind}:{kind}", 0, 1, display_name=kind), 1.0).work.fused == fused
