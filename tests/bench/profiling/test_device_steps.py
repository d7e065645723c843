"""The time of a step on a GPU is divided to the nanosecond, whatever its launches, kernels and streams."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostCall, HostSpan, RecordedTrace
from anatomy.bench.profiling.attribute_gaps import AttributedTime, attribute_time
from anatomy.bench.profiling.device_steps import device_trace
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH, STEP, Trace, Work
from anatomy.bench.records.case_profile import Kind
from tests.bench.gpu_trace.hand_made import GEMM, NCCL
from tests.bench.gpu_trace.random_schedules import Schedule, schedules

KINDS: dict[str, Kind] = {GEMM: "matrix product", NCCL: "communication"}


@dataclass(frozen=True)
class Traced:
    """A schedule, the layer of each piece, and what the host's annotations cover."""

    schedule: Schedule
    layers: tuple[str, ...]
    steps: tuple[tuple[int, int], ...]
    calls: tuple[tuple[int, int], ...]
    fetches: tuple[tuple[int, int], ...]

    def works(self) -> list[Work]:
        pieces = self.schedule.pieces
        kinds = (KINDS.get(one.name, "data movement") for one in pieces)
        return [Work(layer, "op", kind, "forward") for layer, kind in zip(self.layers, kinds, strict=True)]

    def trace(self, origin_ns: int) -> Trace:
        recorded = self.schedule.trace
        spans = tuple(
            HostSpan("annotation", name, "main", begin, end)
            for name, intervals in ((STEP, self.steps), (LAUNCH, self.calls), (FETCH, self.fetches))
            for begin, end in intervals
        )
        moved = replace(
            recorded,
            work=tuple(
                replace(one, start_ns=one.start_ns + origin_ns, end_ns=one.end_ns + origin_ns) for one in recorded.work
            ),
            calls={
                n: HostCall(c.name, c.thread, c.start_ns + origin_ns, c.end_ns + origin_ns)
                for n, c in recorded.calls.items()
            },
            spans=tuple(
                replace(one, start_ns=one.start_ns + origin_ns, end_ns=one.end_ns + origin_ns) for one in spans
            ),
        )
        return device_trace(moved, self.works())

    def attributed(self, origin_ns: int) -> AttributedTime:
        return attribute_time(self.trace(origin_ns))

    def expected(self) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        """Nanoseconds of gaps, idle causes and layers, found by looking at every nanosecond."""
        gaps: defaultdict[str, float] = defaultdict(float)
        idle: defaultdict[str, float] = defaultdict(float)
        layers: defaultdict[str, float] = defaultdict(float)
        for begin, end in self.steps:
            for now in range(begin, end):
                running = self._first_rank(now)
                for number in running:
                    layers[self.layers[number]] += 1 / len(running)
                if running:
                    is_communication = self.schedule.pieces[running[0]].name == NCCL
                    gaps["communication" if is_communication else "device_compute"] += 1
                    continue
                cause = self._cause(now, begin, end)
                fetching = _covers(self.fetches, now)
                idle["input" if fetching else cause] += 1
                calls = cause == "unknown" and _covers(self.calls, now)
                dispatch = cause in ("host-bound", "launch") or calls
                gaps["input_wait" if fetching else "host_dispatch" if dispatch else "idle"] += 1
        return dict(gaps), dict(idle), dict(layers)

    def _first_rank(self, now: int) -> list[int]:
        """The kernels that run; without any, the collectives; without any, the copies."""
        running = [n for n, one in enumerate(self.schedule.pieces) if one.start_ns <= now < one.end_ns]
        kinds = [self.schedule.pieces[number].name for number in running]
        for chosen in (GEMM, NCCL):
            if chosen in kinds:
                return [number for number in running if self.schedule.pieces[number].name == chosen]
        return running

    def _cause(self, now: int, begin: int, end: int) -> str:
        pieces = self.schedule.pieces
        later = [one for one in pieces if now < one.start_ns < end]
        if not later:
            return "unknown"
        after = min(later, key=lambda one: (one.start_ns, one.launch_ns))
        since = max([begin, *(one.end_ns for one in pieces if one.end_ns <= now)])
        if after.launch_ns > now:
            return "host-bound"
        return "queued" if after.launch_ns <= since else "launch"


def _covers(intervals: tuple[tuple[int, int], ...], now: int) -> bool:
    return any(begin <= now < end for begin, end in intervals)


@st.composite
def traced(draw: st.DrawFn) -> Traced:
    schedule = draw(schedules())
    last = max(schedule.end, *(end for _, end in schedule.steps)) + draw(st.integers(0, 5))
    times = st.tuples(st.integers(0, last), st.integers(0, last)).map(lambda pair: (min(pair), max(pair)))
    cuts = sorted({0, last, *draw(st.lists(st.integers(0, last), max_size=2))})
    steps = tuple(pairwise(cuts))
    layers = tuple(draw(st.sampled_from("abc")) for _ in schedule.pieces)
    few = st.lists(times, max_size=2).map(tuple)
    return Traced(schedule, layers, steps, draw(few), draw(few))


@pytest.mark.long
@settings(max_examples=150)
@given(traced(), st.sampled_from([0, 1_795_000_000_000_000_123]))
def test_every_nanosecond_is_where_it_was_planted(made: Traced, origin_ns: int) -> None:
    gaps, idle, layers = made.expected()
    time = made.attributed(origin_ns)
    by_layer: defaultdict[str | None, float] = defaultdict(float)
    for work, seconds in time.device.items():
        by_layer[work.layer] += 1e9 * seconds
    assert dict(by_layer) == pytest.approx(layers, abs=1e-3)
    assert {gap: 1e9 * seconds for gap, seconds in time.gaps.items() if seconds > 0} == pytest.approx(gaps, abs=1e-3)
    assert {cause: 1e9 * seconds for cause, seconds in time.idle.items()} == pytest.approx(idle, abs=1e-3)
    whole = sum(end - begin for begin, end in made.steps)
    assert round(1e9 * sum(time.gaps.values())) == whole
    assert round(1e9 * (sum(time.device.values()) + sum(time.idle.values()))) == whole


def test_several_devices_wait_only_where_none_works() -> None:
    work = (
        DeviceWork("kernel", GEMM, 0, "7", 10, 40, 0),
        DeviceWork("kernel", GEMM, 1, "7", 20, 60, 1),
        DeviceWork("kernel", GEMM, 0, "7", 70, 80, 2),
    )
    calls = {n: HostCall("cudaLaunchKernel", "main", at, at + 1) for n, at in enumerate((5, 6, 65))}
    recorded = RecordedTrace("XSpace", work, calls, (HostSpan("annotation", STEP, "main", 0, 100),))
    works = [Work(layer, "op", "matrix product", "forward") for layer in "aba"]
    time = attribute_time(device_trace(recorded, works))
    assert {work.layer: 1e9 * seconds for work, seconds in time.device.items()} == pytest.approx({"a": 30, "b": 30})
    assert {cause: 1e9 * seconds for cause, seconds in time.idle.items()} == pytest.approx(
        {"host-bound": 5 + 5, "launch": 5 + 5, "unknown": 20}
    )


@pytest.mark.long
@given(st.data())
def test_the_order_of_the_file_changes_nothing(data: st.DataObject) -> None:
    made = data.draw(traced())
    steps, calls, fetches = (
        tuple(data.draw(st.permutations(spans))) for spans in (made.steps, made.calls, made.fetches)
    )
    shuffled = replace(made, steps=steps, calls=calls, fetches=fetches)
    assert shuffled.trace(0).steps == sorted(made.trace(0).steps)
    assert shuffled.attributed(0) == made.attributed(0)


def test_a_copy_to_the_device_while_data_are_fetched_is_waiting_whatever_its_thread() -> None:
    copy = DeviceWork("copy", "MemcpyH2D", 0, "9", 20, 50, 1, direction="HtoD")
    recorded = RecordedTrace(
        "XSpace",
        (copy, replace(copy, start_ns=70, end_ns=80, correlation=2)),
        {1: HostCall("cuMemcpyHtoDAsync_v2", "pool", 15, 16), 2: HostCall("cuMemcpyHtoDAsync_v2", "pool", 60, 61)},
        (HostSpan("annotation", STEP, "main", 0, 100), HostSpan("annotation", FETCH, "main", 10, 30)),
    )
    time = attribute_time(device_trace(recorded, [Work(None, "copy", "data movement", "forward")] * 2))
    assert {gap: round(1e9 * seconds) for gap, seconds in time.gaps.items()} == {
        "host_dispatch": 10 + 10 + 10,
        "input_wait": 40,
        "device_compute": 10,
        "idle": 20,
    }
