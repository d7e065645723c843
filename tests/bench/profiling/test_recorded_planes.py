"""Torch's trace of a GPU becomes an XSpace in which xprof and `anatomy trace` find the same work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anatomy.bench.gpu_trace.device_timeline import device_timelines
from anatomy.bench.gpu_trace.interval_sets import total
from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.gpu_trace.recorded_work import RecordedTrace
from anatomy.bench.profiling.recorded_planes import recorded_planes
from anatomy.bench.profiling.trace_events import STEP
from anatomy.bench.tensorboard.log_layout import trace_file
from anatomy.bench.xla.xspace import read_xspace
from anatomy.bench.xla.xspace_writer import write_xspace
from tests.bench.profiling.recorded_steps import LAYERS, TorchRecording, found, training_step


def parts(trace: RecordedTrace) -> dict[str, int]:
    (timeline,) = device_timelines(trace)
    return {part: total(times) for part, times in timeline.parts.items()}


def test_the_same_work_is_read_back(tmp_path: Path) -> None:
    made = training_step()
    made.work("Memcpy HtoD (Pinned -> Device)", 385, 390, 395, bytes=640, stream=9)
    recorded = made.read(tmp_path)
    write_xspace(tmp_path / "host.xplane.pb", recorded_planes(recorded))
    again = read_gpu_trace(tmp_path / "host.xplane.pb")
    assert parts(again) == parts(recorded)
    kernels, read = ([one for one in trace.work if one.type == "kernel"] for trace in (recorded, again))
    assert [(one.name, one.end_ns - one.start_ns, one.stream) for one in read] == [
        (one.name, one.end_ns - one.start_ns, one.stream) for one in kernels
    ]
    assert read[0].operation == "aten::cudnn_convolution"
    (copy,) = (one for one in again.work if one.stream == "9")
    assert (copy.direction, copy.bytes, copy.host_memory) == ("HtoD", 640, "pinned")
    names = {
        event.name
        for plane in read_xspace(tmp_path / "host.xplane.pb")
        for line in plane.lines
        for event in line.events
    }
    # The layers' marks and the step, for the viewer.
    assert {STEP, LAYERS.mark("conv"), "conv2d:conv2d"} <= names


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_torchs_tracer_takes_the_kernels_of_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch_trace = pytest.importorskip("anatomy.bench.profiling.torch_trace")
    recorded = training_step().read(tmp_path)
    monkeypatch.setattr(torch_trace, "on_cpu", lambda: False)
    monkeypatch.setattr(torch_trace, "read_kineto", lambda file: replace(recorded, notes=(file.read_text()[:1],)))
    tracer = torch_trace.Tracer()
    with tracer.recording(tmp_path):
        pass
    trace = tracer.read(trace_file(tmp_path), None, LAYERS)
    assert [row[0] for row in found(trace)][:3] == ["conv", "conv", "norm"]
    assert len(read_gpu_trace(trace_file(tmp_path)).work) == len(recorded.work)
    assert tracer.unsupported_reason(True) is None


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_where_no_kernel_was_recorded_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch_trace = pytest.importorskip("anatomy.bench.profiling.torch_trace")
    monkeypatch.setattr(torch_trace, "on_cpu", lambda: False)

    with (
        pytest.raises(NotImplementedError, match=r"recorded no work of the GPU .*no kernel or copy of a GPU.*CUPTI"),
        torch_trace.Tracer().recording(tmp_path),
    ):
        pass


def test_a_trace_without_operations_has_streams_all_the_same(tmp_path: Path) -> None:
    made = TorchRecording()
    made.work("k", None, 10, 20)
    recorded = made.read(tmp_path)
    write_xspace(tmp_path / "host.xplane.pb", recorded_planes(recorded))
    (one,) = read_gpu_trace(tmp_path / "host.xplane.pb").work
    assert (one.name, one.end_ns - one.start_ns, one.operation) == ("k", 10_000, "")
