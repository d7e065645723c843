"""Digits that follow the interval, and what makes a figure weak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.caveats import WIDE
from anatomy.bench.records.record_parts import Series
from anatomy.bench.records.sureness import rate_text, rounded, throughput_spread, weaknesses
from tests.factories import make_record
from tests.reports.answers.test_backend_race import timed


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (412.34, 0.03, "412"),
        (1239.4, 0.005, "1,239"),
        (191_566.1, 0.539, "190,000"),
        (0.5678, 0.02, "0.568"),
        (9.96, 0.2, "10"),
        (99.96, 0.03, "100"),
        (1.0, 0.001, "1.000"),
    ],
)
def test_digits_follow_the_interval(value: float, spread: float, text: str) -> None:
    assert rounded(value, spread) == text


@given(st.floats(1e-3, 1e8), st.floats(0, 2))
def test_rounding_is_finer_than_the_interval(value: float, spread: float) -> None:
    shown = float(rounded(value, spread).replace(",", ""))
    assert abs(shown - value) <= value * (0.051 if spread >= WIDE else 0.0051 if spread >= 0.01 else 0.00051) + 1e-9


@given(st.floats(1, 1e7))
def test_compact_is_the_same_number(speed: float) -> None:
    record = timed("jax", speed, spread=0.02)
    text = rate_text(record, compact=True).removeprefix("≈ ").split(" ±")[0].replace(",", "")
    scale = {"k": 1e3, "M": 1e6}.get(text[-1], 1.0)
    assert float(text.rstrip("kM")) * scale == pytest.approx(speed, rel=0.06)
    assert len(text) <= 6


def test_a_sound_figure_has_no_sign() -> None:
    record = timed("jax", 100.0)
    assert weaknesses(record) == ()
    assert not rate_text(record).startswith("≈")


def test_a_wide_interval_is_weak() -> None:
    record = timed("jax", 100.0, spread=0.4)
    spread = throughput_spread(record)
    assert spread is not None
    assert spread > WIDE
    assert [one.short for one in weaknesses(record)] == ["wide ±"]
    assert rate_text(record).startswith("≈ 100 ± ")


def test_no_interval_is_weak() -> None:
    assert [one.short for one in weaknesses(make_record())] == ["no ±"]


def test_every_caveat_is_a_weakness() -> None:
    series = Series(label="slowing")
    record = timed("jax", 100.0, series=series, recompilations=2)
    assert [one.short for one in weaknesses(record)] == ["unsettled", "recompiled"]
