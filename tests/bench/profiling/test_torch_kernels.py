"""Kernels that torch launches belong to the layer of their launch; a gradient's to that of its forward operation."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.gpu_trace.host_spans import find_origins
from anatomy.bench.gpu_trace.kernel_kinds import short_name
from anatomy.bench.gpu_trace.kineto_file import read_kineto
from anatomy.bench.profiling.attribute_gaps import attribute_time
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.torch_kernels import torch_device_trace
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP
from anatomy.bench.records.case_profile import LOSS, OPTIMIZER
from tests.bench.gpu_trace.test_recorded_traces import ALEXNET, FOLDER, NCCL, TWO_STREAMS, VOLTA
from tests.bench.profiling.recorded_steps import (
    ADD,
    CONV,
    COPY,
    GEMM,
    LAYERS,
    SUM,
    TorchRecording,
    found,
    training_step,
)

US = 1e-6


def test_every_kernel_is_at_its_layer(tmp_path: Path) -> None:
    trace = torch_device_trace(training_step().read(tmp_path), LAYERS)
    assert found(trace) == [
        ("conv", "aten::conv2d", "data movement", "forward"),
        ("conv", "aten::conv2d", "convolution", "forward"),
        ("norm", "aten::batch_norm", "normalisation", "forward"),
        ("dense", "aten::addmm", "matrix product", "forward"),
        (LOSS, "aten::sum", "reduction", "forward"),
        (LOSS, "SumBackward0", "element-wise", "backward"),
        ("dense", "AddmmBackward0", "matrix product", "backward"),
        # The sum of gradients has no number: it belongs to the node before it.
        ("dense", "AccumulateGrad", "data movement", "backward"),
        ("norm", "CudnnBatchNormBackward0", "normalisation", "backward"),
        ("conv", "ConvolutionBackward0", "convolution", "backward"),
        (OPTIMIZER, "aten::_foreach_add_", "optimizer", "update"),
        (None, "aten::copy_", "data movement", "forward"),
    ]
    assert [one.work.tensor_cores for one in trace.events if one.work.kind == "convolution"] == [True, False]


@pytest.mark.parametrize("other_thread", [False, True])
def test_a_gradient_of_an_operation_outside_all_layers_is_nobodys(other_thread: bool, tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.layer("dense", 0, 30)
    made.operation("aten::addmm", 2, 10, sequence=5)
    # Makes no node, and has the number of the next operation that makes one.
    made.operation("aten::ne", 12, 20, sequence=6)
    # Numbers are each thread's: one of another thread takes nothing from the layer.
    made.operation("aten::mul", 32, 40, thread=3 if other_thread else 1, sequence=6)
    made.node("MulBackward0", 42, 50, 6)
    made.work(ADD, 44, 50, 60, thread=2)
    made.node("AddmmBackward0", 52, 60, 5)
    made.work(GEMM, 54, 60, 70, thread=2)
    made.node("torch::autograd::AccumulateGrad", 62, 70)
    made.work(COPY, 64, 70, 80, thread=2)
    assert [row[:2] for row in found(torch_device_trace(made.read(tmp_path), LAYERS))] == [
        ("dense" if other_thread else None, "MulBackward0"),
        ("dense", "AddmmBackward0"),
        ("dense", "AccumulateGrad"),
    ]


def test_its_time_is_divided_to_the_microsecond(tmp_path: Path) -> None:
    time = attribute_time(torch_device_trace(training_step().read(tmp_path), LAYERS))
    by_layer: dict[str | None, float] = {}
    for work, seconds in time.device.items():
        by_layer[work.layer] = by_layer.get(work.layer, 0.0) + seconds
    expected = {"conv": 64, "norm": 12, "dense": 43, LOSS: 6, OPTIMIZER: 10, None: 2}
    assert by_layer == pytest.approx({name: us * US for name, us in expected.items()})
    # Host-bound: to the first launch at 16, and 104-112, 163-165, 186-190, 250-270, 295-345.
    # Launched within the gap: 16-30, 112-130, 165-180, 190-210, 270-285, 345-350. Before: 34-40, 66-80, 132-140.
    idle = {"host-bound": 100, "launch": 87, "queued": 28, "unknown": 48}
    assert dict(time.idle) == pytest.approx({cause: us * US for cause, us in idle.items()})
    # Nothing comes behind the last copy, at 352, and the host launches no more.
    gaps = {"host_dispatch": 100 + 87, "device_compute": 137, "idle": 28 + 48}
    assert dict(time.gaps) == pytest.approx({gap: us * US for gap, us in gaps.items()})
    # While the host was in the layer's call and nothing ran.
    assert dict(time.host) == pytest.approx({"conv": 26 * US, "dense": 14 * US, OPTIMIZER: 40 * US})


def test_a_time_of_day_keeps_its_nanoseconds(tmp_path: Path) -> None:
    made = training_step()
    plain = attribute_time(torch_device_trace(made.read(tmp_path), LAYERS))
    for event in made.events:
        event["ts"] += 1_795_000_000_000_000
    assert attribute_time(torch_device_trace(made.read(tmp_path), LAYERS)) == plain


def test_a_launch_that_was_not_recorded_is_told_by_its_operation(tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.span(LAUNCH, 0, 50)
    made.layer("conv", 10, 40)
    made.operation("aten::conv2d", 12, 38, sequence=4, **{"External id": 3})
    made.work(CONV, None, 60, 80, **{"External id": 3})
    made.work(ADD, None, 85, 90)
    trace = torch_device_trace(made.read(tmp_path), LAYERS)
    assert found(trace) == [
        ("conv", "aten::conv2d", "convolution", "forward"),
        (None, "vectorized_elementwise_kernel[CUDAFunctor_add]", "element-wise", "forward"),
    ]
    time = attribute_time(trace)
    assert dict(time.idle) == pytest.approx({"unknown": 75 * US})
    # As far as the host says that it launches.
    assert dict(time.gaps) == pytest.approx({"host_dispatch": 50 * US, "idle": 25 * US, "device_compute": 25 * US})


def test_drawing_a_batch_is_waiting(tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.span(LAUNCH, 0, 100)
    made.span(FETCH, 5, 30)
    made.operation("aten::copy_", 20, 28)
    made.work("Memcpy HtoD (Pinned -> Device)", 22, 25, 45, bytes=64)
    made.layer("dense", 40, 60)
    made.operation("aten::addmm", 42, 58, sequence=4)
    made.work(GEMM, 50, 60, 100)
    trace = torch_device_trace(made.read(tmp_path), LAYERS)
    assert [row[0] for row in found(trace)] == ["dense"]
    time = attribute_time(trace)
    assert dict(time.gaps) == pytest.approx(
        {"input_wait": 40 * US, "host_dispatch": 20 * US, "device_compute": 40 * US}
    )
    assert dict(time.idle) == pytest.approx({"input": 40 * US, "host-bound": 10 * US, "launch": 10 * US})


def test_what_a_compiler_made_has_kinds_and_passes_and_says_that_it_has_no_layers(tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.span("Torch-Compiled Region: 0/0", 2, 30, category="cpu_op")
    made.operation("CompiledFunction", 3, 29, sequence=4)
    made.operation("aten::mm", 4, 8)
    made.work(GEMM, 5, 10, 20)
    made.operation("triton_per_fused_native_batch_norm_0", 10, 14)
    made.work("triton_per_fused_native_batch_norm_0", 12, 20, 25)
    made.node("CompiledFunctionBackward", 40, 60, 4)
    made.work("triton_poi_fused_relu_threshold_backward_1", 45, 50, 60, thread=2)
    trace = torch_device_trace(made.read(tmp_path), LAYERS)
    assert found(trace) == [
        (None, "aten::mm", "matrix product", "forward"),
        (None, "triton_per_fused_native_batch_norm_0", "normalisation", "forward"),
        (None, "triton_poi_fused_relu_threshold_backward_1", "element-wise", "backward"),
    ]
    assert [one.work.fused for one in trace.events] == [1, None, None]
    (note,) = trace.notes
    assert note.startswith("3 of 3 kernels and copies are of a step made by torch.compile, which names no layers")


def test_a_compiled_step_without_kernels_of_the_compiler_says_so_as_well(tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.span("Torch-Compiled Region: 0/0", 2, 30, category="cpu_op")
    made.operation("aten::addmm", 4, 8)
    made.work(GEMM, 5, 10, 20)
    made.work(SUM, 25, 40, 50, **{"graph node id": 77})
    graphs, compiled = torch_device_trace(made.read(tmp_path), LAYERS).notes
    assert graphs.startswith("1 of 2 kernels and copies are nodes of CUDA graphs")
    assert compiled.startswith("1 of 2 kernels and copies are of a step made by torch.compile")


def test_a_compiled_function_among_marked_layers_makes_no_compiled_step(tmp_path: Path) -> None:
    made = training_step()
    made.span("Torch-Compiled Region: 0/0", 320, 330, category="cpu_op")
    made.work("triton_poi_fused_mul_0", 322, 355, 360)
    (note,) = torch_device_trace(made.read(tmp_path), LAYERS).notes
    # Not the copy of the loss.
    assert note.startswith("1 of 13 kernels and copies were made by torch.compile outside the layers' calls")
    assert "--jit off" not in note


def test_a_step_that_is_not_compiled_has_no_note_on_compiling(tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.operation("aten::addmm", 4, 8)
    made.work(GEMM, 5, 10, 20)
    assert torch_device_trace(made.read(tmp_path), LAYERS).notes == ()


def test_a_cuda_graph_within_a_layers_call_is_the_layers_and_another_is_nobodys(tmp_path: Path) -> None:
    made = TorchRecording()
    made.span(STEP, 0, 100)
    node = {"graph node id": 77}
    made.layer("conv", 10, 20)
    made.work(CONV, 12, 30, 40, **node)
    made.work(SUM, 25, 40, 50, **node)
    trace = torch_device_trace(made.read(tmp_path), LAYERS)
    assert [row[0] for row in found(trace)] == ["conv", None]
    (note,) = trace.notes
    assert note.startswith("1 of 2 kernels and copies are nodes of CUDA graphs, which name no layers")


def test_names_of_layers_that_sound_like_a_pass_do_not_decide_it(tmp_path: Path) -> None:
    layers = LayerIndex([LayerEntry("backward_lstm", "LSTM", "recurrent", 1, 1)])
    made = TorchRecording()
    made.span(STEP, 0, 100)
    made.span(layers.mark("backward_lstm"), 10, 20)
    made.operation("aten::mm", 11, 19, sequence=3)
    made.work(GEMM, 12, 30, 40)
    assert found(torch_device_trace(made.read(tmp_path), layers)) == [
        ("backward_lstm", "aten::mm", "recurrent", "forward")
    ]


@pytest.mark.long
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded traces in {FOLDER}")
@pytest.mark.parametrize("file", [NCCL, VOLTA, ALEXNET, TWO_STREAMS])
def test_nearly_every_recorded_kernel_has_its_operation_and_pass(file: str) -> None:
    """Of models without marks. `anatomy trace` goes by annotations: there, "backward" is around the loss, too."""
    recorded = read_kineto(FOLDER / file)
    trace = torch_device_trace(recorded, LAYERS)
    kernels = [
        (one, event.work, origin.part)
        for one, event, origin in zip(recorded.work, trace.events, find_origins(recorded), strict=True)
        if one.type == "kernel"
    ]
    named = sum(work.name != short_name(one.name) for one, work, _ in kernels)
    assert named >= 0.99 * len(kernels)
    backward = [part for _, work, part in kernels if work.pass_ == "backward"]
    assert set(backward) <= {"backward"}
    assert sum(part == "backward" for _, _, part in kernels) - len(backward) <= 0.01 * len(kernels)
