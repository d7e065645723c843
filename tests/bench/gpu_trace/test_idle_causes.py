"""Planted causes of a stream's wait are told apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings

from anatomy.bench.gpu_trace.device_timeline import device_timelines
from anatomy.bench.gpu_trace.idle_causes import RELEASE_NS, stream_waits
from anatomy.bench.gpu_trace.interval_sets import total
from tests.bench.gpu_trace.hand_made import GEMM, NCCL, timeline, work
from tests.bench.gpu_trace.random_schedules import NAMES, Schedule, schedules

CAUSES = dict(zip(NAMES, ("another stream", "communication", "copy"), strict=True))


def waits(*pieces: Any, resolution_ns: int = 1) -> dict[str, int]:
    """Of stream 7."""
    found = stream_waits(timeline(pieces), "7", resolution_ns)
    return {cause: total(times) for cause, times in found.items() if total(times)}


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        (NCCL, "communication"),
        ("Memcpy HtoD (Pageable -> Device)", "copy"),
        ("Memset (Device)", "copy"),
        (GEMM, "another stream"),
    ],
)
def test_what_ended_just_before_was_waited_for(name: str, cause: str) -> None:
    first = work(GEMM, 0, 1000, launch=0)
    held = work(name, 500, 5000, stream="20", launch=0)
    assert waits(first, held, work(GEMM, 5003, 6000, launch=10)) == {cause: 4000, "queued": 3}
    # Launched within the gap: before that, nothing could run.
    assert waits(first, held, work(GEMM, 5003, 6000, launch=3000)) == {
        "not launched": 2000,
        cause: 2000,
        "launch": 3,
    }


def test_of_several_the_last_to_end_counts() -> None:
    assert waits(
        work(GEMM, 0, 100, launch=0),
        work("Memcpy HtoD (Pinned -> Device)", 50, 300, stream="21", launch=0),
        work(NCCL, 50, 700, stream="20", launch=0),
        work(GEMM, 700, 800, launch=10),
    ) == {"communication": 600}


def test_what_ended_long_before_or_goes_on_is_no_cause() -> None:
    late = 1000 + 2 * RELEASE_NS
    assert waits(
        work(GEMM, 0, 100, launch=0),
        work(GEMM, 50, 900, stream="20", launch=0),
        work(NCCL, 50, late + 500, stream="21", launch=0),
        work(GEMM, late, late + 10, launch=10),
    ) == {"queued": late - 100}


def test_times_in_microseconds_may_overlap_by_one() -> None:
    pieces = (
        work(GEMM, 0, 1000, launch=0),
        work(NCCL, 500, 9000, stream="20", launch=0),
        work(GEMM, 8000, 9000, launch=10),
    )
    assert waits(*pieces) == {"queued": 7000}
    assert waits(*pieces, resolution_ns=1000) == {"communication": 7000}


def test_without_a_launch_nothing_is_known() -> None:
    assert waits(work(GEMM, 0, 100), work(NCCL, 0, 500, stream="20"), work(GEMM, 500, 600)) == {"unknown": 400}


@settings(max_examples=60)
@given(schedules(latency=0))
def test_planted_causes_are_found(schedule: Schedule) -> None:
    assume(not any(_is_accidental(schedule, number) for number in range(len(schedule.pieces))))
    (device,) = device_timelines(schedule.trace)
    for stream in device.streams:
        expected = _planted(schedule, stream)
        found = {cause: total(times) for cause, times in stream_waits(device, stream).items() if total(times)}
        assert found == expected


def _planted(schedule: Schedule, stream: str) -> dict[str, int]:
    """Cause → nanoseconds, by what the schedule says each piece waited for."""
    own = [one for one in schedule.pieces if one.stream == stream]
    found: dict[str, int] = {}
    for before, after in pairwise(own):
        launched = min(max(before.end_ns, after.launch_ns), after.start_ns)
        cause = "queued" if after.waits_for is None else CAUSES[schedule.pieces[after.waits_for].name]
        for name, time_ns in (("not launched", launched - before.end_ns), (cause, after.start_ns - launched)):
            found[name] = found.get(name, 0) + time_ns
    return {cause: time_ns for cause, time_ns in found.items() if time_ns}


def _is_accidental(schedule: Schedule, number: int) -> bool:
    """Whether other work ends at the very time at which a piece begins that waited for something else."""
    one = schedule.pieces[number]
    return any(
        other.end_ns == one.start_ns and other.stream != one.stream and place != one.waits_for
        for place, other in enumerate(schedule.pieces)
    )
