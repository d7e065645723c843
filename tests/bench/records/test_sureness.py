"""Digits that follow the interval, and what makes a figure weak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.caveats import WIDE
from anatomy.bench.records.record_parts import Series
from anatomy.bench.records.sureness import (
    Figure,
    digits_left,
    known,
    rate_text,
    rounded,
    throughput,
    weaknesses,
)
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
    spread = throughput(record).spread
    assert spread is not None
    assert spread > WIDE
    assert [one.short for one in weaknesses(record)] == ["wide ±"]
    assert rate_text(record).startswith("≈ 100 (")


def test_no_interval_is_weak() -> None:
    assert [one.short for one in weaknesses(make_record())] == ["no ±"]


def test_every_caveat_is_a_weakness() -> None:
    series = Series(label="slowing")
    record = timed("jax", 100.0, series=series, recompilations=2)
    assert [one.short for one in weaknesses(record)] == ["unsettled", "recompiled"]


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (412.0, (400.0, 424.0), "± 3 %"),
        (100.0, (89.9, 110.1), "± 10.1 %"),
        # Symmetric on a logarithmic scale, as intervals of rates are: ± would begin at 19k.
        (1.9e6, (0.8e6, 4.6e6), "800k to 4.6M"),
        # No wider than many, but all to one side.
        (100.0, (99.0, 130.0), "99 to 130"),
        (100.0, None, ""),
    ],
)
def test_an_interval_that_plus_minus_would_misplace_shows_its_ends(
    value: float, interval: tuple[float, float] | None, text: str
) -> None:
    assert Figure(value, interval).uncertainty(compact=True) == text


positive = st.floats(1e-3, 1e6)
figures = st.builds(
    lambda value, below, above: Figure(value, (value / below, value * above)),
    positive, st.floats(1.0, 5), st.floats(1.0, 5),
)  # fmt: skip


@given(figures)
def test_plus_minus_lies_near_the_interval(figure: Figure) -> None:
    assert figure.value is not None
    assert figure.interval is not None
    assert figure.spread is not None
    if figure.uncertainty().startswith("±"):
        assert figure.value * (1 - figure.spread) == pytest.approx(figure.interval[0], abs=0.051 * figure.value)
        assert figure.value * (1 + figure.spread) == pytest.approx(figure.interval[1], abs=0.051 * figure.value)


@given(figures, figures, st.floats(0, 1), st.floats(0, 1))
def test_bounds_hold_whatever_the_two_are(one: Figure, other: Figure, left: float, right: float) -> None:
    def inside(figure: Figure, share: float) -> float:
        assert figure.interval is not None
        return figure.interval[0] + share * (figure.interval[1] - figure.interval[0])

    a, b = inside(one, left), inside(other, right)
    for made, value in ((one.over(other), a / b), (one.less(other), a - b), (other.under(2.0), 2 / b)):
        assert made.interval is not None
        slack = 1e-9 * max(abs(a), abs(b), abs(value))
        assert made.interval[0] - slack <= value <= made.interval[1] + slack


@given(figures, figures)
def test_a_ratio_or_difference_of_a_weak_figure_is_weak(one: Figure, other: Figure) -> None:
    weak = known(one.value, None)
    assert weak.weak
    assert weak.over(other).weak
    assert other.over(weak).weak
    assert weak.less(other).weak
    assert other.less(weak).weak


@given(figures)
def test_no_more_digits_than_the_interval_leaves(figure: Figure) -> None:
    digits = figure.number().replace(",", "").replace(".", "").lstrip("0")
    assert len(digits.rstrip("0")) <= digits_left(figure.spread)
