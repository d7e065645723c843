"""The parts of a device's time: known answers, and random schedules of which the parts add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from anatomy.bench.gpu_trace.interval_sets import total
from anatomy.bench.gpu_trace.recorded_work import HostCall, RecordedTrace
from anatomy.bench.gpu_trace.trace_summary import summarise_trace
from tests.bench.gpu_trace.hand_made import GEMM, NCCL, timeline, traced, work
from tests.bench.gpu_trace.random_schedules import Schedule, schedules


def parts(*pieces: object) -> dict[str, int]:
    found = {part: total(times) for part, times in timeline(pieces).parts.items()}  # type: ignore[arg-type]
    return {part: time_ns for part, time_ns in found.items() if time_ns}


def test_work_is_told_apart() -> None:
    assert parts(
        work(GEMM, 0, 100, launch=0),
        work(NCCL, 50, 150, stream="20", launch=0),
        work("Memcpy HtoD (Pinned -> Device)", 140, 170, stream="21", launch=0),
    ) == {"computing": 100, "communication": 50, "copy": 20}


@pytest.mark.parametrize(
    ("launch", "expected"),
    [
        (100, {"computing": 150, "queued": 100}),
        (99, {"computing": 150, "queued": 100}),
        (130, {"computing": 150, "host-bound": 30, "launch": 70}),
        (200, {"computing": 150, "host-bound": 100}),
        # The clocks of host and device differ: it cannot have been launched after it began.
        (220, {"computing": 150, "host-bound": 100}),
        (None, {"computing": 150, "unknown": 100}),
    ],
)
def test_a_gap_is_split_at_the_launch(launch: int | None, expected: dict[str, int]) -> None:
    assert parts(work(GEMM, 0, 100, launch=0), work(GEMM, 200, 250, launch=launch)) == expected


def test_of_two_that_end_a_gap_the_first_launched_counts() -> None:
    assert parts(
        work(GEMM, 0, 10, launch=0), work(GEMM, 50, 60, launch=40), work(GEMM, 50, 60, stream="8", launch=20)
    ) == {"computing": 20, "host-bound": 10, "launch": 30}


@settings(max_examples=40)
@given(schedules())
def test_parts_add_up_and_are_what_was_planted(schedule: Schedule) -> None:
    (device,) = summarise_trace(schedule.trace, "x").devices
    for window in (device.whole, *device.steps):
        assert sum(window.parts_ns.values()) == window.duration_ns
        assert min(window.parts_ns.values()) >= 0
        busy = sum(window.parts_ns[part] for part in ("computing", "communication", "copy"))
        assert busy == window.busy_ns
        assert window.communication.exposed_ns + window.communication.hidden_ns == window.communication.busy_ns
    for part, points in schedule.parts().items():
        assert device.whole.parts_ns[part] == points  # type: ignore[index]


@settings(max_examples=40)
@given(schedules())
def test_streams_overlap_where_two_work(schedule: Schedule) -> None:
    (device,) = summarise_trace(schedule.trace, "x").devices
    busy = schedule.busy_by_stream()
    at_work = np.sum(list(busy.values()), axis=0)
    assert device.whole.overlap_ns == int((at_work >= 2).sum())
    assert device.whole.busy_ns == int((at_work >= 1).sum())
    for stream in device.whole.streams:
        assert stream.busy_ns == int(busy[stream.stream].sum())
        assert stream.overlapped_ns == int((busy[stream.stream] & (at_work >= 2)).sum())


@settings(max_examples=40)
@given(schedules())
def test_devices_are_apart(schedule: Schedule) -> None:
    pieces = schedule.trace.work
    doubled = (*pieces, *(replace(one, device=3) for one in pieces))
    one, other = summarise_trace(replace(schedule.trace, work=doubled), "x").devices
    assert (one.device, other.device) == (0, 3)
    assert replace(other, device=0) == one


def test_a_stream_of_several_kernels_at_once_is_counted_once() -> None:
    (device,) = summarise_trace(traced([work(GEMM, 0, 10, launch=0), work(GEMM, 4, 12, launch=0)]), "x").devices
    assert (device.whole.kernel_ns, device.whole.kernel_busy_ns, device.whole.overlap_ns) == (18, 12, 0)


def test_work_without_duration_is_counted() -> None:
    trace = RecordedTrace("Kineto", (work(GEMM, 5, 5)[0],), {1: HostCall("x", "main", 0, 1)})
    (device,) = summarise_trace(trace, "x").devices
    assert (device.whole.kernels, device.whole.duration_ns, device.kernel_span_ns) == (1, 0, 0)
