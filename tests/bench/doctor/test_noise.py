"""Noise between processes, from planted times."""

from __future__ import annotations

import pytest

from anatomy.bench.doctor.noise import noise_of
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record


def process(step_s: float, outcome: str = "ok", reason: str = "") -> Record:
    times = [step_s] * 9 if outcome == "ok" else []
    return Record(
        case=Case(model="mlp"),
        name="mlp",
        outcome=outcome,  # type: ignore[arg-type]
        reason=reason,
        started_at="2026-01-31",
        step_s=times,
    )


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
