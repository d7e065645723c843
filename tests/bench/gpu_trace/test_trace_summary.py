"""Steps, launches, copies, kinds and the parts of a training step on traces with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.gpu_trace.recorded_work import DeviceStep, HostSpan
from anatomy.bench.gpu_trace.trace_summary import DeviceSummary, summarise_trace
from anatomy.bench.xla.xspace import Event, Line
from tests.bench.gpu_trace.hand_made import GEMM, NCCL, event, kernel, launch, traced, work, write_kineto, write_xplane


def only_device(trace: Any) -> DeviceSummary:
    (device,) = summarise_trace(trace, "x").devices
    return device


def test_a_step_of_the_host_ends_with_the_work_that_it_launched() -> None:
    steps = [HostSpan("step", "4", "main", 0, 100), HostSpan("step", "5", "main", 100, 200)]
    pieces = [
        work(GEMM, 20, 130, launch=10),
        work(GEMM, 130, 150, launch=90),
        work(NCCL, 160, 180, stream="20", launch=110),
        work(GEMM, 250, 260, launch=205),
    ]
    first, second = only_device(traced(pieces, steps)).steps
    assert [(step.name, step.start_ns, step.duration_ns) for step in (first, second)] == [("4", 0, 150), ("5", 150, 50)]
    assert [step.kernels for step in (first, second)] == [2, 1]
    assert {part: time_ns for part, time_ns in first.parts_ns.items() if time_ns} == {
        "computing": 130,
        "host-bound": 20,
    }
    # The gap at its end is split at the launch of what comes after it.
    assert {part: time_ns for part, time_ns in second.parts_ns.items() if time_ns} == {
        "communication": 20,
        "queued": 10,
        "host-bound": 20,
    }


def test_a_step_marked_on_the_device_is_taken_as_it_is() -> None:
    from dataclasses import replace

    trace = replace(traced([work(GEMM, 20, 130, launch=10)]), device_steps=(DeviceStep(0, "7", 5, 100),))
    (step,) = only_device(trace).steps
    assert (step.name, step.start_ns, step.duration_ns, step.kernel_ns) == ("7", 5, 95, 80)


def test_launches() -> None:
    device = only_device(
        traced(
            [
                work(GEMM, 110, 200, launch=100),
                # Behind the first: its delay is no latency.
                work(GEMM, 200, 300, launch=105),
                work(GEMM, 430, 500, launch=400),
                work(GEMM, 600, 700),
            ]
        )
    )
    found = device.whole.launches
    assert (found.calls, found.unrecorded, found.idle_launches) == (3, 1, 2)
    assert (found.mean_latency_ns, found.median_latency_ns) == (20, 20)
    assert found.mean_delay_ns == pytest.approx((10 + 95 + 30) / 3)
    assert found.mean_call_ns == 1
    assert found.mean_queue_depth == pytest.approx((90 + 30) / 590)
    assert device.whole.host_bound_gaps == 1
    assert device.whole.host_bound_queue_depth == 0


def test_a_cuda_graph_is_one_launch(tmp_path: Path) -> None:
    events = [launch(0, name="cudaGraphLaunch"), kernel(GEMM, 10, 2), kernel(GEMM, 15, 2), kernel(GEMM, 20, 2)]
    device = only_device(read_gpu_trace(write_kineto(tmp_path / "a.json", events)))
    assert device.whole.launches.calls == 1
    assert device.whole.parts_ns["queued"] == 6000


def test_copies_by_direction_and_memory(tmp_path: Path) -> None:
    def copy(name: str, start: int, size: int, **args: Any) -> dict[str, Any]:
        return event("gpu_memcpy", name, start, 2, device=0, stream=7, bytes=size, **args)

    events = [
        copy("Memcpy HtoD (Pageable -> Device)", 0, 1000),
        copy("Memcpy HtoD (Pageable -> Device)", 10, 3000),
        copy("Memcpy HtoD (Pinned -> Device)", 20, 8000),
        copy("Memcpy DtoH (Device -> Pinned)", 30, 500),
        copy("Memcpy PtoP (Device -> Device)", 40, 500),
        event("gpu_memset", "Memset (Device)", 50, 1, device=0, stream=7, bytes=64),
    ]
    found = only_device(read_gpu_trace(write_kineto(tmp_path / "a.json", events))).whole.copies
    assert {(one.direction, one.host_memory): (one.count, one.bytes, one.time_ns) for one in found} == {
        ("host to device", "pageable"): (2, 4000, 4000),
        ("host to device", "pinned"): (1, 8000, 2000),
        ("device to host", "pinned"): (1, 500, 2000),
        ("another device to another device", ""): (1, 500, 2000),
        ("fill", ""): (1, 64, 1000),
    }
    assert found[0].bytes_per_s == pytest.approx(1e9)


def _training(names: tuple[str, str, str], backward_thread: int) -> list[dict[str, Any]]:
    """Forward, backward and optimizer, each an operation with a kernel, within annotations of these names."""
    forward, backward, optimizer = names
    sequence = {"Sequence number": 12, "Fwd thread id": 0}
    node = {"Sequence number": 12, "Fwd thread id": 1}
    events = [
        event("cpu_op", "aten::linear", 10, 20, **{"External id": 1, **sequence}),
        event("cpu_op", "aten::addmm", 12, 15, **{"External id": 2, **sequence}),
        launch(15, 1),
        {
            **event("cpu_op", "autograd::engine::evaluate_function: AddmmBackward0", 50, 30, **node),
            "tid": backward_thread,
        },
        {**event("cpu_op", "aten::mm", 55, 20, **{"External id": 4}), "tid": backward_thread},
        {**launch(60, 2), "tid": backward_thread},
        event("cpu_op", "aten::_foreach_add_", 90, 9, **{"External id": 5}),
        launch(91, 3),
        kernel(GEMM, 20, 5, 1),
        kernel(GEMM, 70, 6, 2),
        kernel("multi_tensor_apply_kernel", 95, 2, 3),
    ]
    around = ((forward, 5, 30), (backward, 45, 40), (optimizer, 88, 20))
    return events + [event("user_annotation", name, start, length) for name, start, length in around if name]


@pytest.mark.parametrize("backward_thread", [2, 3])
@pytest.mark.parametrize(
    "names",
    [
        ("## forward ##", "## backward ##", "## optimizer ##"),
        ("DistributedDataParallel.forward", "", "Optimizer.step#SGD.step"),
        ("", "", "Optimizer.step#Adam.step"),
    ],
)
def test_parts_of_a_step(names: tuple[str, str, str], backward_thread: int, tmp_path: Path) -> None:
    device = only_device(read_gpu_trace(write_kineto(tmp_path / "a.json", _training(names, backward_thread))))
    found = {part.name: (part.kernels, part.time_ns) for part in device.whole.step_parts}
    assert found == {"forward": (1, 5000), "backward": (1, 6000), "optimizer": (1, 2000)}
    operations = {one.name: one.kernels for one in device.operations}
    assert operations == {"aten::addmm": 1, "aten::mm": 1, "aten::_foreach_add_": 1}
    assert device.attributed_kernels == 3


def test_layers_where_the_trace_has_their_calls(tmp_path: Path) -> None:
    events = [
        event("python_function", "nn.Module: Net_0", 0, 100),
        event("python_function", "nn.Module: Linear_1", 10, 20),
        event("python_function", "torch/nn/functional.py(12): relu", 11, 2),
        event("cpu_op", "aten::addmm", 12, 10),
        launch(15, 1),
        launch(50, 2),
        kernel(GEMM, 20, 5, 1),
        kernel(GEMM, 60, 6, 2),
    ]
    device = only_device(read_gpu_trace(write_kineto(tmp_path / "a.json", events)))
    assert {one.name: one.time_ns for one in device.modules} == {"Net_0/Linear_1": 5000, "Net_0": 6000}
    assert device.attributed_kernels == 1


def test_a_gradient_belongs_to_the_layer_of_its_forward_operation(tmp_path: Path) -> None:
    def linear(number: int, at: int) -> list[dict[str, Any]]:
        first, last = {"Sequence number": 2 * number, "Fwd thread id": 0}, {"Sequence number": 2 * number + 1}
        return [
            event("python_function", f"nn.Module: Linear_{number}", at, 20),
            event("cpu_op", "aten::linear", at + 1, 15, **first),
            # The operation that makes the node has its number last; the one around it had the number before it.
            event("cpu_op", "aten::addmm", at + 4, 10, **last),
            # Without a node of its own, it has the number that the next layer's node gets.
            event("cpu_op", "aten::detach", at + 17, 2, **{"Sequence number": 2 * number + 3}),
        ]

    def gradient(number: int, at: int) -> list[dict[str, Any]]:
        node = {"Sequence number": 2 * number + 1, "Fwd thread id": 1}
        found = [
            event("cpu_op", "autograd::engine::evaluate_function: AddmmBackward0", at, 15, **node),
            event("cpu_op", "aten::mm", at + 2, 8),
            launch(at + 3, 10 + number),
        ]
        return [{**one, "tid": 9} for one in found] + [kernel(GEMM, at + 8, 2, 10 + number)]

    events = [
        event("python_function", "nn.Module: Net_0", 0, 60),
        *linear(0, 5),
        *linear(1, 30),
        *gradient(1, 100),
        *gradient(0, 130),
        {**event("cpu_op", "torch::autograd::AccumulateGrad", 160, 9), "tid": 9},
        {**launch(161, 20), "tid": 9},
        kernel("vectorized_elementwise_kernel", 170, 1, 20),
    ]
    device = only_device(read_gpu_trace(write_kineto(tmp_path / "a.json", events)))
    assert {one.name: one.kernels for one in device.modules} == {"Net_0/Linear_0": 1, "Net_0/Linear_1": 1}
    assert {part.name: part.kernels for part in device.whole.step_parts} == {"backward": 2, "": 1}


def test_operations_by_external_id_where_the_launch_is_missing(tmp_path: Path) -> None:
    events = [
        event("cpu_op", "aten::mm", 12, 10, **{"External id": 9}),
        kernel(GEMM, 20, 5, 1, **{"External id": 9}),
        kernel(GEMM, 30, 5, 2, **{"External id": 77}),
    ]
    device = only_device(read_gpu_trace(write_kineto(tmp_path / "a.json", events)))
    assert {one.name: one.kernels for one in device.operations} == {"aten::mm": 1, "": 1}


def test_parts_by_the_names_of_xla_and_tensorflow(tmp_path: Path) -> None:
    def one(start: int, name: str) -> Event:
        return Event(GEMM, start, 10, {"tf_op": name})

    names = (
        "model/dense/MatMul",
        "gradient_tape/model/dense/MatMul",
        "transpose(jvp(net))/dot",
        "Adam/Adam/update/Mul",
    )
    stream = Line("Stream #1(Compute)", tuple(one(100 * n, name) for n, name in enumerate(names)))
    device = only_device(read_gpu_trace(write_xplane(tmp_path / "a.xplane.pb", [stream])))
    assert {part.name: part.kernels for part in device.whole.step_parts} == {
        "forward": 1,
        "backward": 2,
        "optimizer": 1,
    }
    # With no such scope anywhere, nothing is said of the parts.
    stream = Line("Stream #1(Compute)", (one(0, names[0]),))
    device = only_device(read_gpu_trace(write_xplane(tmp_path / "b.xplane.pb", [stream])))
    assert [part.name for part in device.whole.step_parts] == [""]


def test_kernels_of_a_name_together() -> None:
    pieces = [
        work(GEMM, 0, 10, launch=0, occupancy=0.5),
        work(GEMM, 10, 40, launch=0, occupancy=0.25),
        work(NCCL, 40, 45, launch=0),
    ]
    device = only_device(traced(pieces))
    gemm, nccl = device.longest_kernels
    assert (gemm.count, gemm.time_ns, gemm.longest_ns, gemm.tensor_cores) == (2, 40, 30, False)
    assert gemm.occupancy == pytest.approx((0.5 * 10 + 0.25 * 30) / 40)
    assert nccl.occupancy is None
    assert {kind.kind: (kind.time_ns, kind.other_core_ns) for kind in device.whole.kinds} == {
        "matrix product": (40, 40),
        "collective": (5, 0),
    }


def test_what_could_be_gained() -> None:
    device = only_device(
        traced([work(GEMM, 0, 100, launch=0), work(GEMM, 200, 250, launch=130), work(NCCL, 250, 300, launch=0)])
    )
    assert device.whole.gains.launches_ns == 100
    assert device.whole.gains.overlap_ns == 50
    assert device.whole.gains.copies_ns == 0
