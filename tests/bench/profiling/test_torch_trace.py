"""Events of torch's profiler and the layers they are for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anatomy.bench.gpu_trace.recorded_work import TraceFileError
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.trace_events import FETCH, STEP
from anatomy.bench.records.case_profile import OPTIMIZER
from tests.bench.gpu_trace.hand_made import write_kineto
from tests.when_used import WhenUsed

torch_trace: Any = WhenUsed("anatomy.bench.profiling.torch_trace")

LAYERS = LayerIndex([LayerEntry("conv", "Conv2D", None, 1, 1), LayerEntry("dense", "Dense", None, 1, 1)])


def event(name: str, start: float, end: float, parent: Any = None, number: int = -1, scope: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        time_range=SimpleNamespace(start=start * 1e6, end=end * 1e6),
        cpu_parent=parent,
        sequence_nr=number,
        scope=scope,
    )


def layer(name: str, start: float, end: float, parent: Any = None) -> SimpleNamespace:
    return event(LAYERS.mark(name), start, end, parent, scope=7)


def found(*events: SimpleNamespace) -> list[tuple[str | None, str, str, str]]:
    return [
        (one.work.layer, one.work.name, one.work.pass_, one.level) for one in torch_trace._operations(events, LAYERS)
    ]


def test_backward_nodes_belong_to_the_layer_with_their_number() -> None:
    step = event(STEP, 0, 100, scope=7)
    conv, dense = layer("conv", 1, 10, step), layer("dense", 10, 20, step)
    convolution = event("aten::conv2d", 2, 8, conv, number=4)
    inner = event("aten::mkldnn_convolution", 3, 7, convolution)
    cast = event("aten::to", 11, 12, dense, number=5)
    product = event("aten::addmm", 12, 18, dense, number=5)
    node = "autograd::engine::evaluate_function: "
    second = event(f"{node}AddmmBackward0", 30, 35, step, number=5)
    first = event(f"{node}ConvolutionBackward0", 40, 60, step, number=4)
    add = event(f"{node}torch::autograd::AccumulateGrad", 60, 61, step, number=-1)
    update = layer(OPTIMIZER, 70, 80, step)
    multiply = event("aten::mul_", 71, 72, update, number=6)
    events = (step, conv, convolution, inner, dense, cast, product, second, first, add, update, multiply)
    assert found(*events) == [
        ("conv", "Python", "forward", "host"),
        ("conv", "aten::conv2d", "forward", "operation"),
        ("dense", "Python", "forward", "host"),
        ("dense", "aten::to", "forward", "operation"),
        ("dense", "aten::addmm", "forward", "operation"),
        ("dense", "AddmmBackward0", "backward", "operation"),
        ("conv", "ConvolutionBackward0", "backward", "operation"),
        ("conv", "AccumulateGrad", "backward", "operation"),
        (OPTIMIZER, "Python", "forward", "host"),
        (OPTIMIZER, "aten::mul_", "update", "operation"),
    ]


def test_what_draws_a_batch_is_no_operation_of_the_step() -> None:
    step = event(STEP, 0, 10, scope=7)
    fetch = event(FETCH, 1, 5, step, scope=7)
    assert found(step, fetch, event("aten::stack", 2, 3, fetch)) == []


def test_outside_of_layers_no_layer_is_known() -> None:
    step = event(STEP, 0, 10, scope=7)
    assert found(step, event("aten::ones_like", 1, 2, step)) == [(None, "aten::ones_like", "forward", "operation")]


@pytest.mark.parametrize(
    ("event", "error", "says"),
    [
        ({"cat": "cpu_op", "name": "aten::mm", "ts": 1, "dur": 1}, NotImplementedError, "CUPTI, and the right to use"),
        ({"cat": "kernel", "name": "gemm", "ts": "1e30", "dur": 1}, TraceFileError, "expected times in microseconds"),
    ],
)
def test_only_a_trace_without_kernels_is_for_want_of_cupti(
    event: dict[str, Any], error: type[Exception], says: str, tmp_path: Path
) -> None:
    path = write_kineto(tmp_path / "kineto.json", [{"ph": "X", "pid": 1, "tid": 1, **event}])
    with pytest.raises(error, match=says) as caught:
        torch_trace._read_own(path)
    assert ("CUPTI" in str(caught.value)) == (error is NotImplementedError)
