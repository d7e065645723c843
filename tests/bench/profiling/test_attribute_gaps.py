"""Every instant of a step belongs to something, and to each thing only once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.profiling.attribute_gaps import attribute_time
from anatomy.bench.profiling.trace_events import Interval, Level, Trace, TraceEvent, Work
from anatomy.bench.records.case_profile import Kind


def work(name: str, kind: Kind = "element-wise") -> Work:
    return Work(layer=name, name=name, kind=kind, pass_="forward")


def event(name: str, start: float, end: float, level: Level = "operation", kind: Kind = "element-wise") -> TraceEvent:
    return TraceEvent(start, end, work(name, kind), level)


def seconds(traced: Trace) -> dict[str, float]:
    return {one.name: time for one, time in attribute_time(traced).device.items()}


def test_what_runs_at_the_same_time_shares_it() -> None:
    traced = Trace([Interval(0, 10)], events=[event("a", 0, 6), event("b", 4, 8)])
    assert seconds(traced) == pytest.approx({"a": 5, "b": 3})
    assert dict(attribute_time(traced).gaps) == pytest.approx({"device_compute": 8, "idle": 2})


def test_a_loop_has_the_time_in_which_nothing_in_it_runs() -> None:
    traced = Trace([Interval(0, 10)], events=[event("while", 0, 10, "container"), event("a", 2, 9)])
    assert seconds(traced) == pytest.approx({"while": 3, "a": 7})


def test_communication_that_is_hidden_costs_nothing() -> None:
    traced = Trace([Interval(0, 10)], events=[event("sum", 0, 10, kind="communication"), event("a", 0, 7)])
    assert seconds(traced) == pytest.approx({"sum": 3, "a": 7})
    assert attribute_time(traced).gaps["communication"] == pytest.approx(3)


def test_why_nothing_runs() -> None:
    traced = Trace(
        steps=[Interval(0, 10)],
        fetches=[Interval(0, 2)],
        launches=[Interval(2, 5)],
        events=[event("a", 4, 6), event("b", 8, 9)],
    )
    gaps = attribute_time(traced).gaps
    assert dict(gaps) == pytest.approx({"input_wait": 2, "host_dispatch": 2, "device_compute": 3, "idle": 3})


def test_the_hosts_time_is_the_innermost_layers() -> None:
    traced = Trace(
        steps=[Interval(0, 10)],
        launches=[Interval(0, 10)],
        events=[
            event("model", 0, 9, "host", "host"),
            event("layer", 2, 6, "host", "host"),
            event("a", 3, 5),
        ],
    )
    shares = attribute_time(traced)
    assert dict(shares.host) == pytest.approx({"model": 5, "layer": 2})
    assert shares.gaps["host_dispatch"] == pytest.approx(8)


def test_only_steps_count() -> None:
    traced = Trace([Interval(2, 4)], events=[event("a", 0, 3), event("a", 3, 9), event("a", 5, 6)])
    shares = attribute_time(traced)
    assert sum(shares.device.values()) == pytest.approx(2)
    assert sum(shares.calls.values()) == 1


LEVELS: list[Level] = ["operation", "container", "host"]
TIMES = st.integers(0, 60)
ACTIVITIES = st.lists(
    st.builds(
        lambda name, start, length, level, kind: event(name, start, start + length, level, kind),
        st.sampled_from("abc"),
        TIMES,
        st.integers(0, 30),
        st.sampled_from(LEVELS),
        st.sampled_from(["element-wise", "communication"]),
    ),
    max_size=12,
)
WINDOWS = st.lists(
    st.builds(lambda start, length: Interval(start, start + length), TIMES, st.integers(1, 20)), max_size=3
)


@pytest.mark.long
@given(ACTIVITIES, WINDOWS, WINDOWS)
def test_the_gaps_are_the_whole_of_the_steps(
    events: list[TraceEvent], fetches: list[Interval], launches: list[Interval]
) -> None:
    steps = [Interval(3, 20), Interval(25, 50)]
    shares = attribute_time(Trace(steps, fetches, launches, events))
    assert sum(shares.gaps.values()) == pytest.approx(17 + 25)
    computed = shares.gaps["device_compute"] + shares.gaps["communication"]
    assert sum(shares.device.values()) == pytest.approx(computed)
    assert sum(shares.host.values()) <= sum(shares.gaps.values()) - computed + 1e-9
    assert all(time > 0 for time in shares.device.values())
