"""Planted causes of a stream's wait are told apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings

from anatomy.bench.gpu_trace.device_timeline import device_timelines
from anatomy.bench.gpu_trace.idle_causes import RELEASE_NS, stream_waits
from anatomy.bench.gpu_trace.interval_sets import total
from anatomy.bench.gpu_trace.recorded_work import EventWait
from tests.bench.gpu_trace.hand_made import GEMM, NCCL, timeline, work
from tests.bench.gpu_trace.random_schedules import NAMES, Piece, Schedule, schedules

CAUSES = dict(zip(NAMES, ("another stream", "communication", "copy"), strict=True))


def waits(*pieces: Any, resolution_ns: int = 1, event_waits: tuple[EventWait, ...] | None = None) -> dict[str, int]:
    """Of stream 7."""
    found = stream_waits(timeline(pieces, event_waits), "7", resolution_ns)
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


def told(called: int, on_stream: str, recorded: int, stream: str = "7") -> EventWait:
    return EventWait(0, stream, called, on_stream, recorded)


# Stream 7 works, is idle for 4 µs and works again; stream 20 ends its work just before.
_BESIDE = (
    work(GEMM, 0, 1000, launch=0),
    work(NCCL, 500, 5000, stream="20", launch=1),
    work(GEMM, 5003, 6000, launch=10),
)


@pytest.mark.parametrize(
    ("event_waits", "expected"),
    [
        (None, {"communication": 4000, "queued": 3}),
        # Told for nothing: that the other work ended just before was chance.
        ((), {"queued": 4003}),
        ((told(5, "20", 4),), {"communication": 4000, "queued": 3}),
        # The event was recorded before that work was launched, or the wait called behind the launch.
        ((told(5, "20", 0),), {"queued": 4003}),
        ((told(11, "20", 4),), {"queued": 4003}),
        ((told(5, "21", 4),), {"queued": 4003}),
        # Another stream was told to wait.
        ((told(5, "20", 4, stream="21"),), {"queued": 4003}),
        # For what is not known.
        ((told(5, "", 0),), {"communication": 4000, "queued": 3}),
    ],
)
def test_recorded_events_say_what_was_waited_for(
    event_waits: tuple[EventWait, ...] | None, expected: dict[str, int]
) -> None:
    assert waits(*_BESIDE, event_waits=event_waits) == expected


def test_by_its_event_a_wait_may_begin_late() -> None:
    late = 5000 + 2 * RELEASE_NS
    pieces = (*_BESIDE[:2], work(GEMM, late, late + 9, launch=10))
    assert waits(*pieces) == {"queued": late - 1000}
    assert waits(*pieces, event_waits=(told(5, "20", 4),)) == {"communication": 4000, "queued": 2 * RELEASE_NS}


def test_of_several_events_the_last_to_release_counts() -> None:
    copy = work("Memcpy HtoD (Pinned -> Device)", 500, 3000, stream="21", launch=2)
    both = (told(5, "20", 4), told(6, "21", 4))
    assert waits(*_BESIDE, copy, event_waits=both) == {"communication": 4000, "queued": 3}
    assert waits(*_BESIDE, copy, event_waits=both[1:]) == {"copy": 2000, "queued": 2003}


def test_where_launches_are_not_recorded_the_times_decide() -> None:
    pieces = (_BESIDE[0], work(NCCL, 500, 5000, stream="20"), _BESIDE[2])
    assert waits(*pieces, event_waits=(told(5, "20", 4),)) == {"communication": 4000, "queued": 3}


@settings(max_examples=60)
@given(schedules(latency=0))
def test_recorded_waits_are_found_whatever_ends_by_chance(schedule: Schedule) -> None:
    spaced = Schedule(tuple(_spaced(number, one) for number, one in enumerate(schedule.pieces)), ())
    told_to_wait = tuple(
        told(one.launch_ns - 2, before.stream, before.launch_ns + 1, one.stream)
        for one in spaced.pieces
        if one.waits_for is not None and (before := spaced.pieces[one.waits_for])
    )
    (device,) = device_timelines(replace(spaced.trace, event_waits=told_to_wait))
    for stream in device.streams:
        found = {cause: total(times) for cause, times in stream_waits(device, stream).items()}
        on_its_way = found.pop("launch") + found.pop("queued")
        expected = _held(spaced, stream)
        assert on_its_way == expected.pop("on its way", 0)
        assert {cause: time_ns for cause, time_ns in found.items() if time_ns} == expected


def _held(schedule: Schedule, stream: str) -> dict[str, int]:
    """Cause → nanoseconds: up to the launch, then to the end of what it was told to wait for, then to its beginning."""
    own = [one for one in schedule.pieces if one.stream == stream]
    found: dict[str, int] = {}
    for before, after in pairwise(own):
        launched = min(max(before.end_ns, after.launch_ns), after.start_ns)
        waited_for = None if after.waits_for is None else schedule.pieces[after.waits_for]
        released = max(launched, waited_for.end_ns) if waited_for else launched
        held = CAUSES[waited_for.name] if waited_for else "on its way"
        for name, time_ns in (
            ("not launched", launched - before.end_ns),
            (held, released - launched),
            ("on its way", after.start_ns - released),
        ):
            found[name] = found.get(name, 0) + time_ns
    return {cause: time_ns for cause, time_ns in found.items() if time_ns}


def _spaced(number: int, one: Piece) -> Piece:
    """Times far enough apart for the host to do something between two launches."""
    return replace(
        one, launch_ns=64 * one.launch_ns + 4 * number, start_ns=64 * one.start_ns + 63, end_ns=64 * one.end_ns + 63
    )


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
