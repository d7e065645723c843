"""Noise between processes, and the cost of observing, from planted times."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.case import Case
from anatomy.bench.doctor.noise import noise_of
from anatomy.bench.doctor.observers import Observers
from anatomy.bench.doctor.overhead import measure_overhead, order, summarise
from anatomy.bench.record import Record
from anatomy.bench.telemetry.sampler import open_sampler


def process(step_s: float, outcome: str = "ok", reason: str = "") -> Record:
    times = [step_s] * 9 if outcome == "ok" else []
    return Record(case=Case(model="mlp"), name="mlp", outcome=outcome, reason=reason, started_at="", step_s=times)  # type: ignore[arg-type]


def test_variation_and_what_would_show() -> None:
    noise = noise_of([process(1.00), process(1.02), process(0.98)], [2.0, 2.0, 2.0])
    assert noise.variation == pytest.approx(0.02)
    assert noise.process_s == 2.0
    assert noise.detectable is not None
    # Fifteen processes a side: (1.96 + 1.28)·0.02·√(2/15), and a little more for Student's t.
    assert 0.0237 < noise.detectable < 0.026


def test_a_failure_is_no_noise() -> None:
    noise = noise_of([process(1.0), process(0, "oom", "too large")], [1.0, 1.0])
    assert (noise.variation, noise.reason) == (None, "oom: too large")


def test_processes_too_long_for_a_minute() -> None:
    noise = noise_of([process(1.0), process(1.1)], [40.0, 40.0])
    assert noise.detectable is None
    assert "no two a side" in noise.reason


@pytest.mark.parametrize(("cost", "verdict"), [(0.0, "within"), (0.003, "within"), (0.02, "over")])
def test_a_planted_cost_is_found(cost: float, verdict: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.005, (2, 400))
    bare, observed = 0.005 * np.exp(noise[0]), 0.005 * (1 + cost) * np.exp(noise[1])
    found = summarise(list(bare), list(observed), 0.005)
    assert found.verdict == verdict
    assert found.low < cost < found.high


def test_wild_times_say_nothing() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (2, 20))
    assert summarise(list(np.exp(noise[0])), list(np.exp(noise[1])), 0.005).verdict == "too noisy to say"


@given(st.integers(1, 50))
def test_each_pair_has_both_and_their_order_alternates(pairs: int) -> None:
    blocks = list(order(pairs))
    assert len(blocks) == 2 * pairs
    first = blocks[::2]
    assert all(a != b for a, b in zip(first, blocks[1::2], strict=True))
    assert all(a != b for a, b in pairwise(first))


def test_the_real_thing_runs() -> None:
    entered: list[int] = []
    real = Observers(open_sampler(), lambda phase: None)

    def observing(pid: int) -> AbstractContextManager[None]:
        entered.append(pid)
        return real(pid)

    found = measure_overhead(0.001, 0.01, observing, pairs=3)
    assert len(entered) == found.pairs == 3
    assert 1e-5 < found.step_s < 0.1
    assert found.low <= found.cost <= found.high


def test_an_observed_process_that_dies_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with status"):
        measure_overhead(float("nan"), 0.01, lambda pid: nullcontext(), pairs=1)
