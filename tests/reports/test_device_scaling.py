"""Several devices beside one: how cases are paired, efficiency and its interval, the table and the charts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import AllReduce, Block, Equality
from anatomy.reports.device_scaling import scaled_cases
from anatomy.reports.report_charts import charts
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables.scaling_table import scaling_table
from tests.factories import make_record
from tests.reports.conftest import MakeRun
from tests.reports.drawn import segments, x_of, y_of


def _record(devices: int, batch: int, step_s: float, **more: Any) -> Record:
    """Ten blocks of 20 steps, of which every second one is 2 % slower."""
    blocks = [Block(steps=20, seconds=20 * step_s * (1.02 if number % 2 else 1)) for number in range(10)]
    fields: dict[str, Any] = {
        "blocks": blocks,
        "settings": {"strategy": "DataParallel", "virtual_devices": True} if devices > 1 else {},
        "equality": Equality(verdict="equal", update_deviation=1e-6) if devices > 1 else None,
        "all_reduce": AllReduce(size_bytes=4000, seconds=[1e-4, 2e-4, 3e-4]) if devices > 1 else None,
    }
    case = {"mode": "train", "backend": "jax", "batch_size": batch, "devices": devices}
    return make_record("mlp", case=case, **(fields | more))


ONE, WEAK, STRONG = _record(1, 32, 0.010), _record(2, 64, 0.0125), _record(2, 32, 0.008)


def test_each_case_is_held_against_the_batch_of_a_device_and_the_whole_one() -> None:
    (group,) = scaled_cases([ONE, WEAK, STRONG])
    assert [(one.scaling, one.record.case.batch_size) for one in group] == [("strong", 32), ("weak", 64)]
    strong, weak = group
    assert weak.speedup == pytest.approx(1.6)
    assert weak.efficiency == pytest.approx(0.8)
    assert strong.efficiency == pytest.approx(0.625)
    assert weak.exchange_share == pytest.approx(2e-4 / 0.0125, rel=0.02)


def test_the_interval_has_the_errors_of_both_sides() -> None:
    (group,) = scaled_cases([ONE, WEAK])
    (weak,) = group
    interval = weak.efficiency_interval
    assert interval is not None
    low, high = interval
    assert low < 0.8 < high
    halves = []
    for record in (ONE, WEAK):
        bounds = record.throughput_interval_examples_per_s
        assert bounds is not None
        halves.append(math.log(bounds[1] / bounds[0]) / 2)
    assert math.log(high / low) / 2 == pytest.approx(math.hypot(*halves))


def test_a_case_without_its_like_on_one_device_says_so(run: MakeRun) -> None:
    table = scaling_table(label_runs([run([WEAK])]))
    assert table.cell(0, next(c for c in table.columns if c.key == "efficiency")) == "no such case"
    assert table.cell(0, next(c for c in table.columns if c.key == "throughput_examples_per_s")).startswith("5,")


def test_a_failed_case_shows_why_and_no_figure(run: MakeRun) -> None:
    failed = _record(2, 64, 0.01, outcome="invalid", reason="gradients are not synchronised", blocks=[])
    table = scaling_table(label_runs([run([ONE, failed])]))
    efficiency = next(column for column in table.columns if column.key == "efficiency")
    assert table.absence(0, efficiency) == ("invalid", "gradients are not synchronised")


def test_the_table_says_what_virtual_devices_are(run: MakeRun) -> None:
    table = scaling_table(label_runs([run([ONE, WEAK])]))
    assert any("share the cores of one CPU" in note for note in table.notes)
    assert table.frame["equality"].tolist() == ["equal"]
    assert table.frame["exchange_s"].tolist() == [2e-4]
    real = WEAK.model_copy(update={"settings": {"virtual_devices": False}})
    assert not any(
        "cores of one CPU" in note for note in scaling_table(label_runs([run([ONE, real], name="real")])).notes
    )


@pytest.mark.long
def test_a_chart_for_each_way_of_scaling_and_none_without(run: MakeRun) -> None:
    keys = [chart.key for chart in charts(label_runs([run([ONE, WEAK, STRONG])]))]
    assert "scaling-train-weak" in keys
    assert "scaling-train-strong" in keys
    assert not any(
        key.startswith("scaling") for key in (chart.key for chart in charts(label_runs([run([ONE], name="one")])))
    )


def test_the_chart_begins_at_one_device_and_has_the_intervals(run: MakeRun) -> None:
    (chart,) = (c for c in charts(label_runs([run([ONE, WEAK])])) if c.key == "scaling-train-weak")
    assert chart.figure is not None
    (axes,) = chart.figure.axes
    ideal, line = axes.lines[:2]
    assert (x_of(ideal), y_of(ideal)) == ([1, 2], [1, 2])
    assert x_of(line) == [1, 2]
    assert y_of(line) == pytest.approx([1, 1.6])
    (_, low), (_, high) = segments(chart)[1]
    assert low < 1.6 < high
    assert [entry.name for entry in chart.entries] == ["jax"]
