import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.chart import COLOURS, log_axis, wrap_label
from anatomy.reports.phase_bars import PHASE_COLOURS, phase_chart
from anatomy.reports.report_charts import charts, latency_chart, memory_chart, throughput_chart
from anatomy.reports.run_labels import label_runs

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


def test_charts_without_data_are_sentences(run: MakeRun) -> None:
    for chart in charts(label_runs([run([])])):
        assert chart.spec is None
        assert chart.empty.endswith(".")


def test_every_chart_of_a_full_run_has_marks(big_run: Run) -> None:
    for chart in charts(label_runs([big_run])):
        assert chart.spec is not None, chart.key
        assert all(len(trace["y"]) for trace in chart.spec["data"]), chart.key


def test_failed_cases_are_not_drawn(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([record(outcome="oom", case={"mode": "train", "backend": "jax"})])])
    assert throughput_chart(runs, "train").spec is None


def test_throughput_dots_are_the_throughputs(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(speed=speed, case={"mode": "train", "backend": b}) for b, speed in (("jax", 5.0), ("torch", 50.0))
    ]
    spec = throughput_chart(label_runs([run(records)]), "train").spec
    assert spec is not None
    assert {trace["name"]: trace["x"] for trace in spec["data"]} == {
        "jax": [pytest.approx(5.0)],
        "torch": [pytest.approx(50.0)],
    }
    assert spec["layout"]["xaxis"]["type"] == "log"


def test_latency_boxes_are_quantiles_of_the_raw_steps(record: MakeRecord, run: MakeRun) -> None:
    steps = [0.001 * n for n in range(1, 22)]
    spec = latency_chart(
        label_runs([run([record(steps=steps, case={"mode": "infer", "backend": "jax"})])]), "infer"
    ).spec
    assert spec is not None
    (box,) = spec["data"]
    found = [box[name][0] for name in ("lowerfence", "q1", "median", "q3", "upperfence")]
    assert found == pytest.approx(1e3 * np.quantile(steps, (0, 0.25, 0.5, 0.75, 0.9)))
    ticks = spec["layout"]["xaxis"]["tickvals"]
    assert ticks == [1, 2, 5, 10, 20]


def test_a_peak_below_the_base_is_not_drawn(record: MakeRecord, run: MakeRun) -> None:
    low = record(peak_host_bytes=1, base_host_bytes=2, case={"mode": "infer", "backend": "jax"})
    assert memory_chart(label_runs([run([low])]), "infer").spec is None


def test_phases_are_summed_and_the_import_counted_once(record: MakeRecord, run: MakeRun) -> None:
    records = [record(case={"mode": mode, "backend": "jax"}) for mode in ("train", "infer")]
    spec = phase_chart(label_runs([run(records)])).spec
    assert spec is not None
    seconds = {trace["name"]: trace["x"][0] for trace in spec["data"]}
    assert seconds == pytest.approx(
        {"import": 5, "start": 0.4, "build": 1.0, "compile": 4, "warmup": 0.4, "measure": 2}
    )


@pytest.mark.parametrize("name", ["<b>bold</b>", "a:" + "x" * 200, "vgg:depth=11,classes=10,input_shape=1x2x3", ""])
def test_labels_are_short_and_escaped(name: str) -> None:
    text = wrap_label(name)
    assert "<b>" not in text
    assert text.count("<br>") <= 1


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.0, 1000.0], ["1", "10", "100", "1k"]),
        ([30.0, 60.0], ["30", "40", "50", "60", "70"]),
        ([0.01, 2e6], ["0.01", "0.1", "1", "10", "100", "1k", "10k", "100k", "1M"]),
        ([5.0], ["4.5", "5", "5.5", "6"]),
        ([1.3, 95.0], ["2", "5", "10", "20", "50", "100"]),
    ],
)
def test_log_axes_are_labelled_with_round_numbers(values: list[float], labels: list[str]) -> None:
    assert log_axis(values)["ticktext"] == labels


@given(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=5))
def test_a_logarithmic_axis_has_three_labels_in_sight(values: list[float]) -> None:
    axis = log_axis(values)
    start, end = axis["range"]
    assert start < math.log10(min(values)) <= math.log10(max(values)) < end
    assert len(axis["tickvals"]) >= 3
    assert all(start <= math.log10(tick) + 1e-9 and math.log10(tick) - 1e-9 <= end for tick in axis["tickvals"])
    assert len(set(axis["ticktext"])) == len(axis["ticktext"])


def contrast(colour: str, page: str) -> float:
    """By WCAG 2.2."""

    def luminance(text: str) -> float:
        parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(colour), luminance(page)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#1b1f25"])
def test_colours_stand_out_from_the_page(page: str) -> None:
    assert {name for name, colour in (COLOURS | PHASE_COLOURS).items() if contrast(colour, page) < 3} == set()


def test_a_phase_has_no_colour_of_a_backend() -> None:
    assert not set(PHASE_COLOURS.values()) & set(COLOURS.values())


def test_of_several_runs_the_run_comes_first_and_whole(record: MakeRecord, run: MakeRun) -> None:
    long = "vgg:depth=11,classes=10,input_shape=32x32x3"
    runs = label_runs([run([record(long, case={"mode": "infer", "backend": "jax"})], name) for name in ("one", "two")])
    spec = throughput_chart(runs, "infer").spec
    assert spec is not None
    labels = spec["layout"]["yaxis"]["ticktext"]
    assert [label.partition(":<br>")[0] for label in labels] == [item.label for item in runs]


def test_the_legend_names_every_trace_with_its_mark(big_run: Run) -> None:
    for chart in charts(label_runs([big_run])):
        assert chart.spec is not None
        shown = [trace["name"] for trace in chart.spec["data"] if trace.get("showlegend", True)]
        assert [entry.name for entry in chart.legend] == shown
        assert all(entry.path and entry.colour.startswith("#") for entry in chart.legend)


def test_specs_hold_no_infinite_numbers(big_run: Run) -> None:
    def numbers(value: object) -> list[float]:
        if isinstance(value, dict):
            return [n for part in value.values() for n in numbers(part)]
        if isinstance(value, list):
            return [n for part in value for n in numbers(part)]
        return [value] if isinstance(value, float) else []

    found = [n for chart in charts(label_runs([big_run])) for n in numbers(chart.spec)]
    assert found
    assert all(math.isfinite(n) for n in found)
