"""Since when: change points in a history, the commits they lie between, in words and as a picture."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.history.history_points import HistoryPoint
from anatomy.bench.history.trends import Trend, trend
from anatomy.reports.history import render_history, trend_sentences, trend_to_dict
from anatomy.reports.history.trend_chart import sparkline, trend_chart
from tests.reports.drawn import segments, x_of


def point(number: int, step_s: float | None, name: str = "mlp train jax b32", dirty: bool = False) -> HistoryPoint:
    return HistoryPoint(
        case_key="abc",
        name=name,
        run_id=f"run-{number}",
        started_at=f"2026-01-{1 + number:02}T00:00:00+00:00",
        commit=f"{number:02}" + "f" * 38,
        dirty=dirty,
        branch="main",
        fingerprint="0123456789ab",
        machine="CPU, 2 cores",
        step_s=step_s,
        step_low_s=None if step_s is None else step_s * 0.99,
        step_high_s=None if step_s is None else step_s * 1.01,
        throughput_examples_per_s=None,
        compile_s=1.0,
        peak_host_bytes=2**30,
        peak_device_bytes=None,
        parameters=10,
        flops=20,
    )


def noisy(levels: list[float], spread: float = 0.01) -> list[HistoryPoint]:
    rng = random.Random(1)
    return [point(number, level * rng.gauss(1, spread)) for number, level in enumerate(levels)]


def found_in(points: list[HistoryPoint]) -> Trend:
    found = trend(points, "step_s")
    assert found is not None
    return found


def test_a_slowdown_is_laid_between_two_commits() -> None:
    found = found_in(noisy([0.010] * 10 + [0.012] * 10))
    (change,) = found.changes
    assert change.position == 10
    assert change.commits == "09ffffffff..10ffffffff"
    assert change.growth == pytest.approx(0.2, abs=0.02)
    assert found.last_level == pytest.approx(0.012, rel=0.02)
    now, since = trend_sentences(found)
    assert now == "median step now 12 ms"
    assert since.startswith("+")
    assert since.endswith("in 09ffffffff..10ffffffff")
    assert "since 2026-01-11T00:00:00+00:00: 10 ms → 12 ms" in since


@pytest.mark.parametrize("count", [1, 7])
def test_few_runs_say_so(count: int) -> None:
    found = found_in(noisy([0.010] * count))
    assert found.changes == []
    assert trend_sentences(found)[-1] == f"{count} runs: too few to see a change"


def test_noise_is_no_change() -> None:
    found = found_in(noisy([0.010] * 28, spread=0.05))
    assert found.changes == []
    assert trend_sentences(found)[-1] == "no change of level"


def test_runs_without_the_figure_are_left_out() -> None:
    assert trend([point(0, None)], "step_s") is None
    assert len(found_in([point(0, None), point(1, 0.01)]).points) == 1
    assert trend([point(0, 0.01)], "peak_device_bytes") is None


@settings(max_examples=30)
@given(st.integers(6, 12), st.integers(6, 12), st.floats(1.2, 3))
def test_a_change_well_above_the_noise_is_found_where_it_is(before: int, after: int, factor: float) -> None:
    found = found_in(noisy([0.010] * before + [0.010 * factor] * after))
    assert [change.position for change in found.changes] == [before]


def test_the_page_puts_what_changed_first_and_escapes_names() -> None:
    steady = found_in([point(n, 0.010, "steady train jax b1") for n in range(12)])
    slower = found_in([point(n, 0.010 if n < 6 else 0.02, "<script>alert(1)</script>") for n in range(12)])
    page = render_history([steady, slower], "mine")
    assert page.index("&lt;script&gt;alert(1)") < page.index("steady train")
    assert "<script>alert" not in page
    assert "2 series of a case on a machine, 1 with a change of level" in page


def test_the_chart_has_a_point_a_run_and_a_line_a_change() -> None:
    chart = trend_chart(found_in(noisy([0.010] * 10 + [0.012] * 10)), "trend")
    assert chart.figure is not None
    points, *changes = chart.figure.axes[0].lines
    assert len(x_of(points)) == 20
    assert [x_of(line) for line in changes] == [[9.5, 9.5]]
    levels = [start[1] for start, end in segments(chart) if start[1] == end[1]]
    assert levels == pytest.approx([0.010, 0.012], rel=0.02)


def test_one_run_is_drawn_too() -> None:
    chart = trend_chart(found_in([point(0, 0.01)]), "trend")
    assert chart.figure is not None
    assert len(x_of(chart.figure.axes[0].lines[0])) == 1
    assert sparkline(found_in([point(0, 0.01)])).count(",") == 1


def test_series_without_a_change_are_rows_of_one_table() -> None:
    steady = [found_in([point(n, 0.010, f"net{case} train jax b1") for n in range(12)]) for case in range(5)]
    page = render_history(steady, "mine")
    assert page.count('class="drawing"') == 0
    assert page.count('class="spark"') == 5
    assert page.count("<table") == 1


def test_data_for_machines() -> None:
    data = trend_to_dict(found_in(noisy([0.010] * 10 + [0.012] * 10)))
    assert [change["position"] for change in data["changes"]] == [10]
    assert data["points"][3]["commit"].startswith("03")
