"""Both file formats give the same work; what is no trace is named with its place."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.gpu_trace import kineto_file, xspace_file
from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, EventWait, TraceFileError
from anatomy.bench.gpu_trace.trace_summary import summarise_trace
from anatomy.bench.xla.xplane_pb2 import XSpace
from anatomy.bench.xla.xspace import Event, Line
from tests.bench.gpu_trace.hand_made import GEMM, event, kernel, launch, write_kineto, write_xplane


def test_kineto_in_microseconds(tmp_path: Path) -> None:
    events = [
        launch(9.5, correlation=4),
        kernel(GEMM, 12.001, 2.5, correlation=4, **{"External id": 3, "est. achieved occupancy %": 25}),
        event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 20, 4, device=0, stream=9, correlation=5, bytes=4096),
        event("gpu_memset", "Memset (Device)", 30, 1, device=0, stream=9, correlation=6, bytes=16),
        {"ph": "s", "id": 4, "ts": 1, "cat": "ac2g"},
    ]
    trace = read_gpu_trace(
        write_kineto(
            tmp_path / "a.json",
            events,
            displayTimeUnit="ms",
            deviceProperties=[{"id": 0, "name": "NVIDIA H100"}],
            distributedInfo={"rank": 1, "world_size": 4},
        )
    )
    gemm, copy, fill = trace.work
    assert gemm == DeviceWork("kernel", GEMM, 0, "7", 12001, 14501, 4, 3, occupancy=0.25)
    assert (copy.type, copy.direction, copy.host_memory, copy.bytes, copy.stream) == (
        "copy",
        "HtoD",
        "pinned",
        4096,
        "9",
    )
    assert (fill.type, fill.bytes) == ("fill", 16)
    called = trace.launch(gemm)
    assert called is not None
    assert (called.start_ns, called.end_ns) == (9500, 12500)
    assert (trace.device_names, trace.rank, trace.ranks) == ({0: "NVIDIA H100"}, 1, 4)


def wait(**args: Any) -> dict[str, Any]:
    return event("cuda_sync", "Stream Wait Event", 5, 1, device=0, context=1, stream=24, correlation=3, **args)


def test_waits_of_streams_are_those_of_the_hosts_calls(tmp_path: Path) -> None:
    calls = [launch(2, 2, name="cudaEventRecord"), launch(4, 3, name="cudaStreamWaitEvent")]
    further = {
        "known": [wait(wait_on_stream=20, wait_on_cuda_event_record_corr_id=2)],
        "recorded before the trace": [wait(wait_on_stream=-1, wait_on_cuda_event_record_corr_id=-1)],
        "recording lost": [wait(wait_on_stream=20, wait_on_cuda_event_record_corr_id=99)],
        "other synchronisation": [event("cuda_sync", "Context Sync", 5, 1, stream=-1, correlation=9)],
        "none": [],
    }
    found = {
        name: read_gpu_trace(write_kineto(tmp_path / "a.json", [kernel(GEMM, 9, 1), *calls, *events])).event_waits
        for name, events in further.items()
    }
    not_known = (EventWait(0, "24", 4000, "", 0),)
    assert found == {
        "known": (EventWait(0, "24", 4000, "20", 2000),),
        "recorded before the trace": not_known,
        "recording lost": not_known,
        "other synchronisation": (),
        "none": None,
    }


def test_kernels_of_a_cuda_graph_are_known_by_their_node(tmp_path: Path) -> None:
    nodes = [{"graph node id": 8589934593}, {"graph node id": 0}, {}]
    file = write_kineto(tmp_path / "a.json", [kernel(GEMM, 9, 1, **node) for node in nodes])
    assert [one.in_graph for one in read_gpu_trace(file).work] == [True, False, False]


@pytest.mark.parametrize(
    ("times", "head", "expected"),
    [
        ((1712195495505583, 5), {}, (1712195495505583000, 1712195495505588000)),
        # More digits than a float has.
        (("1712195495505583.123", "4.928"), {"displayTimeUnit": "ns"}, (1712195495505583123, 1712195495505588051)),
        ((4458676522690.655, 0.5), {"baseTimeNanoseconds": 10**18}, (4458676522690655, 4458676522691155)),
        # Nanoseconds since 1970: as microseconds, this would be far in the future.
        ((1712195495505583123, 4928), {"displayTimeUnit": "ns"}, (1712195495505583123, 1712195495505588051)),
        ((0, "1e3"), {}, (0, 1000000)),
    ],
)
def test_units_of_time(times: tuple[Any, Any], head: dict[str, Any], expected: tuple[int, int], tmp_path: Path) -> None:
    text = json.dumps({**head, "traceEvents": [kernel(GEMM, *times)]})
    for time in times:
        text = text.replace(f'"{time}"', str(time))
    (tmp_path / "a.json").write_text(text)
    (found,) = read_gpu_trace(tmp_path / "a.json").work
    assert (found.start_ns, found.end_ns) == expected


@pytest.mark.parametrize("form", ["list", "gzip", "bom", "old categories", "head behind"])
def test_other_forms_of_the_same(form: str, tmp_path: Path) -> None:
    events = [launch(1), kernel(GEMM, 5, 2)]
    path = write_kineto(tmp_path / "trace", events)
    if form == "list":
        path.write_text(json.dumps(events, indent=1))
    elif form == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes()))
    elif form == "bom":
        path.write_text(path.read_text(), encoding="utf-8-sig")
    elif form == "old categories":
        path.write_text(path.read_text().replace('"kernel"', '"Kernel"').replace("cuda_runtime", "Runtime"))
    else:
        path.write_text(json.dumps({"traceEvents": events, "traceName": "x", "deviceProperties": []}))
    trace = read_gpu_trace(path)
    assert [(one.name, one.start_ns, one.end_ns) for one in trace.work] == [(GEMM, 5000, 7000)]
    assert trace.launch(trace.work[0]) is not None


def test_an_event_that_ends_before_it_begins_is_left_out_and_said(tmp_path: Path) -> None:
    trace = read_gpu_trace(write_kineto(tmp_path / "a.json", [kernel(GEMM, 5, 2), kernel(GEMM, 9, -1)]))
    assert len(trace.work) == 1
    assert trace.notes == ("left out, since they end before they begin: 1 of 2 events",)


def test_xspace(tmp_path: Path) -> None:
    details = {"correlation_id": 7, "kernel_details": "regs:32 shm:0 grid:1,1,1 block:32,1,1 occ_pct:50"}
    copied = {"correlation_id": 8, "memcpy_details": "kind_src:pageable kind_dst:device size:640 dest:0 async:1"}
    device = [
        Line(
            "Stream #13(Compute,MemcpyH2D)",
            (
                Event(GEMM, 2000, 300, {**details, "hlo_op": "dot.3"}),
                Event("MemcpyH2D", 1000, 64, copied),
                Event("Memset", 1500, 5, {"memset_details": "kind:device size:16 async:1"}),
            ),
        ),
        Line("XLA Ops", (Event("dot.3", 2000, 300),)),
        Line("Steps", (Event("4", 900, 2000),)),
    ]
    host = [Event("cuLaunchKernel", 0, 50, {"correlation_id": 7}), Event("train", 0, 60, {"step_num": 4, "_r": 1})]
    trace = read_gpu_trace(write_xplane(tmp_path / "vm.xplane.pb", device, host))
    gemm, copy, fill = trace.work
    assert gemm == DeviceWork(
        "kernel", GEMM, 0, "13", 2000, 2300, 7, occupancy=0.5, operation="dot.3", instruction="dot.3"
    )
    assert (copy.direction, copy.host_memory, copy.bytes) == ("HtoD", "pageable", 640)
    assert (fill.type, fill.bytes) == ("fill", 16)
    called = trace.launch(gemm)
    assert called is not None
    assert (called.name, called.end_ns) == ("cuLaunchKernel", 50)
    assert [(step.name, step.start_ns, step.end_ns) for step in trace.device_steps] == [("4", 900, 2900)]
    assert [(span.type, span.name) for span in trace.spans] == [("step", "4")]


KINETO = json.dumps({"traceEvents": [kernel(GEMM, 5, 2), launch(1)], "deviceProperties": []}).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty: expected the JSON of PyTorch's profiler"),
        (b"   \n ", "begins with"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "begins with"),
        (b"hello, world", "begins with b'hello, w'"),
        (b"{}", "without traceEvents"),
        (b"[]", "no kernel or copy of a GPU"),
        (b'{"a": [1, 2], "b": 3}', "without traceEvents"),
        (b'{"traceEvents": []}', "0 events and no kernel or copy of a GPU"),
        (b'{"traceEvents": {"a": 1}}', r"line 1: no JSON: expected \["),
        (b'{"traceEvents": [\n1]}', r"line 2, event 1: expected an object, got '1'"),
        (b'{"traceEvents": [nonsense, and more of it and so on]}', "line 1: no JSON: Expecting value"),
        (json.dumps({"traceEvents": [event("cpu_op", "aten::add", 1, 2)]}).encode(), "ProfilerActivity.CUDA"),
        (json.dumps({"traceEvents": [kernel(GEMM, "soon", 2)]}).encode(), r"event 1 \('ampere_sgemm_128x64_nn'\)"),
        (json.dumps({"traceEvents": [kernel(GEMM, None, 2)]}).encode(), "a time is 'None'"),
        (KINETO.replace(b'"ts": 5', b'"ts": Infinity'), "event 1"),
        (KINETO.replace(b'"ts": 5', b'"ts": NaN'), "event 1"),
        (KINETO.replace(b'"ts": 5', b'"ts": 1e999999999'), "event 1"),
        (KINETO.replace(b'"ts": 5', b'"ts": ' + b"9" * 30), "event 1"),
        (KINETO.replace(b'"ts": 5', b'"ts": ' + b"9" * 5000), "line 1: no JSON"),
        (KINETO.replace(b'"ts": 5', b'"ts": true'), "event 1"),
        (KINETO.replace(b'"ts": 5', b'"ts": [5]'), "event 1"),
        (KINETO.replace(b'"device": 0', b'"device": "first"'), "event 1"),
        (gzip.compress(b"not json", mtime=0), "begins with"),
        (gzip.compress(KINETO, mtime=0)[:60], "damaged|in the middle"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
        (b"[" * 100_000, "nested too deep|in the middle"),
    ],
)
def test_what_is_no_trace_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "some file"
    path.write_bytes(content)
    with pytest.raises(TraceFileError, match=says) as caught:
        read_gpu_trace(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
@settings(max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True))
def test_every_cut_is_said(packed: bool, share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = gzip.compress(KINETO) if packed else KINETO
    path = tmp_path_factory.mktemp("cut") / "trace.json"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(TraceFileError):
        read_gpu_trace(path)


def test_a_cut_xspace_is_said(tmp_path: Path) -> None:
    path = write_xplane(tmp_path / "vm.xplane.pb", [Line("Stream #1(Compute)", (Event(GEMM, 5, 3),))])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TraceFileError, match="cut short or damaged"):
        read_gpu_trace(path)


def test_a_packed_xspace_is_to_be_unpacked(tmp_path: Path) -> None:
    path = write_xplane(tmp_path / "vm.xplane.pb", [Line("Stream #1(Compute)", (Event(GEMM, 5, 3),))])
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(TraceFileError, match="is a packed XSpace: unpack it first, with gunzip"):
        read_gpu_trace(path)


def test_an_xspace_of_a_cpu_names_its_planes(tmp_path: Path) -> None:
    path = write_xplane(tmp_path / "vm.xplane.pb", [Line("XLA Ops", (Event("dot", 5, 3),))])
    with pytest.raises(TraceFileError, match="no stream of a GPU; its planes: /host:CPU, /device:GPU:0"):
        read_gpu_trace(path)


@given(
    content=st.binary(max_size=40), head=st.sampled_from([b"", b"\n", b"{", b"[", b"\x1f\x8b\x08", b'{"traceEvents":['])
)
def test_no_bytes_are_a_fault_of_the_reader(
    content: bytes, head: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(head + content)
    with pytest.raises(TraceFileError):
        read_gpu_trace(path)


_anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)


@given(
    written=st.fixed_dictionaries(
        {
            "ph": st.just("X"),
            "cat": st.sampled_from(["kernel", "gpu_memcpy", "cuda_runtime", "cpu_op", "user_annotation"]),
        },
        optional={
            **dict.fromkeys(("name", "ts", "dur", "pid", "tid"), _anything),
            "args": _anything
            | st.dictionaries(
                st.sampled_from(["device", "stream", "correlation", "External id", "bytes", "Sequence number"]),
                _anything,
            ),
        },
    )
)
def test_no_event_is_a_fault_of_the_reader(written: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_kineto(tmp_path_factory.getbasetemp() / "event.json", [kernel(GEMM, 5, 2), launch(1), written])
    with contextlib.suppress(TraceFileError):
        summarise_trace(read_gpu_trace(path), "x")


def test_an_xspace_without_names(tmp_path: Path) -> None:
    space = XSpace()
    line = space.planes.add(name="/device:GPU:0").lines.add(name="Stream #1(Compute)")
    line.events.add(metadata_id=7, offset_ps=1000, duration_ps=5000).stats.add(metadata_id=3, ref_value=4)
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    (found,) = read_gpu_trace(path).work
    assert (found.name, found.start_ns, found.end_ns) == ("", 1, 6)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(TraceFileError, match="does not exist"):
        read_gpu_trace(tmp_path / "none.json")
    with pytest.raises(TraceFileError, match="is a folder"):
        read_gpu_trace(tmp_path)


@pytest.mark.long
def test_huge_files_are_refused_without_reading_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kineto_file, "LARGEST_CHARACTERS", 3 << 20)
    path = tmp_path / "large.json"
    # A file of this size packs to 4 KiB.
    path.write_bytes(gzip.compress(b'{"a": 1, "traceEvents": [' + b" " * (8 << 20)))
    with pytest.raises(TraceFileError, match="GiB of text, unpacked: record fewer steps"):
        read_gpu_trace(path)
    monkeypatch.setattr(xspace_file, "LARGEST_BYTES", 10)
    other = write_xplane(tmp_path / "vm.xplane.pb", [Line("Stream #1(Compute)", (Event(GEMM, 5, 3),))])
    with pytest.raises(TraceFileError, match="can be read; record fewer steps"):
        read_gpu_trace(other)
