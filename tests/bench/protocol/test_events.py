"""Events between a worker and its supervisor: what goes in comes out, and a line that is none is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.protocol.events import (
    Ended,
    Event,
    Exited,
    FactsFound,
    NoEventError,
    PhaseBegan,
    ReferenceStepsTaken,
    TurnTaken,
    event_line,
    read_event,
)
from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, Counts, Phases

COUNTS = Counts(
    parameters=7,
    trainable_parameters=7,
    macs=3,
    flops=6,
    units=1,
    weight_layers=1,
    depth=1,
    input_shape=[3],
    output_shape=[1],
    activation_bytes=4,
)


@pytest.mark.parametrize(
    "event",
    [
        Exited(code=-9),
        PhaseBegan(name="warmup"),
        TurnTaken(step_s=1e-3, cpu_s=2e-3),
        Ended(outcome="invalid", reason="it computes nothing"),
        ReferenceStepsTaken(trajectory=Trajectory(losses=[1.0], updates=[[[0.5]]], names=["w"])),
        FactsFound(facts=CaseFacts(counts=COUNTS, window=(1.5, 2.5), blocks=[Block(steps=2, seconds=0.25)])),
    ],
    ids=lambda event: event.event,
)
def test_an_event_comes_out_as_it_went_in(event: Event) -> None:
    read = read_event(event_line(event))
    assert read == event
    if isinstance(event, FactsFound) and isinstance(read, FactsFound):
        assert read.facts.model_fields_set == event.facts.model_fields_set


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b"[1]",
        b"null",
        b'{"event": "no such"}',
        b'{"event": "ended", "outcome": "fine"}',
        b'{"event": "facts", "facts": {"step_ms": [1]}}',
        b'{"event": "turn", "step_s": "soon", "cpu_s": 1}',
        b'{"event": "forked", "pid": 1, "more": 2}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_event_is_refused_with_its_beginning(line: bytes) -> None:
    with pytest.raises(NoEventError, match="expected an event of the protocol, got") as refused:
        read_event(line)
    str(refused.value).encode()


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(line: bytes) -> None:
    with pytest.raises(NoEventError):
        read_event(line)


@pytest.mark.long
@given(st.text(max_size=50) | st.just("lone \ud800 surrogate"))
def test_text_of_a_worker_is_printable_utf_8(reason: str) -> None:
    line = json.dumps({"event": "ended", "outcome": "crashed", "reason": reason}).encode()
    event = read_event(line)
    assert isinstance(event, Ended)
    event.reason.encode()
    assert all(c.isprintable() or c in "\n\t" or c.isspace() for c in event.reason)


def test_facts_add_up_and_the_last_word_stands() -> None:
    first = CaseFacts(phases=Phases(build_s=1.0), not_measured={"a": "why"}, cpu_cores_used=2.0, stateful=False)
    second = CaseFacts(phases=Phases(compile_s=2.0), cpu_cores_used=None, not_measured={"b": "why"})
    both = first.merged(second)
    assert both.phases == Phases(build_s=1.0, compile_s=2.0)
    assert both.not_measured == {"a": "why", "b": "why"}
    assert both.cpu_cores_used is None
    assert both.stateful is False
    assert both.merged(CaseFacts()) == both


def test_every_fact_but_three_is_a_field_of_the_record() -> None:
    assert set(CaseFacts.model_fields) - set(Record.model_fields) == {"layers", "programs", "window"}
