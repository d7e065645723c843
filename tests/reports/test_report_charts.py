import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.chart import COLOURS, log_ticks, si_text
from anatomy.reports.phase_bars import PHASE_COLOURS, phase_chart, phase_totals, preparation_chart
from anatomy.reports.report_charts import charts, latencies_ms, latency_chart, memory_chart, throughput_chart
from anatomy.reports.run_labels import label_runs
from tests.reports.drawn import axes_of, bars, marks, segments, written, x_of, y_of

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


def test_charts_without_data_are_sentences(run: MakeRun) -> None:
    for chart in charts(label_runs([run([])])):
        assert chart.figure is None
        assert chart.empty.endswith(".")


@pytest.mark.long
def test_every_chart_of_a_full_run_has_marks(big_run: Run) -> None:
    for chart in charts(label_runs([big_run])):
        assert chart.figure is not None, chart.key
        assert marks(chart) or bars(chart), chart.key


def test_failed_cases_are_not_drawn(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([record(outcome="oom", case={"mode": "train", "backend": "jax"})])])
    assert throughput_chart(runs, "train").figure is None


def test_throughput_dots_are_the_throughputs_with_their_figures(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(speed=speed, case={"mode": "train", "backend": b}) for b, speed in (("jax", 5.0), ("torch", 50.0))
    ]
    chart = throughput_chart(label_runs([run(records)]), "train")
    assert [x for x, _ in marks(chart)] == pytest.approx([5.0, 50.0])
    assert [entry.name for entry in chart.entries] == ["jax", "torch"]
    label, *figures = written(chart)
    assert label == "mlp"
    assert [float(re.findall(r"[\d.]+", text)[0]) for text in figures] == [5.0, 50.0]
    assert axes_of(chart).get_xscale() == "log"


def test_no_two_marks_of_a_row_share_a_line(big_run: Run) -> None:
    chart = throughput_chart(label_runs([big_run]), "infer")
    places = [y for _, y in marks(chart)]
    assert len(places) == len(set(places)) > 20


def test_latency_boxes_are_quantiles_of_the_raw_steps(record: MakeRecord, run: MakeRun) -> None:
    steps = [0.001 * n for n in range(1, 22)]
    one = record(steps=steps, case={"mode": "infer", "backend": "jax"})
    assert latencies_ms(one) == pytest.approx(1e3 * np.quantile(steps, (0, 0.25, 0.5, 0.75, 0.9)))
    chart = latency_chart(label_runs([run([one])]), "infer")
    reach, middle = segments(chart)
    assert [x for x, _ in reach] == pytest.approx([1, 19])
    assert [x for x, _ in middle] == pytest.approx([6, 16])
    assert [x for x, _ in marks(chart)] == pytest.approx([11])
    assert [tick.get_text() for tick in axes_of(chart).get_xticklabels()] == ["1", "2", "5", "10", "20"]


def test_a_peak_below_the_base_is_not_drawn(record: MakeRecord, run: MakeRun) -> None:
    low = record(peak_host_bytes=1, base_host_bytes=2, case={"mode": "infer", "backend": "jax"})
    assert memory_chart(label_runs([run([low])]), "infer").figure is None


def test_phases_are_summed_and_the_import_counted_once(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([record(case={"mode": mode, "backend": "jax"}) for mode in ("train", "infer")])])
    expected = {"import_s": 5, "start_s": 0.4, "build_s": 1.0, "compile_s": 4, "warmup_s": 0.4, "measure_s": 2}
    assert phase_totals(runs)["jax"] == pytest.approx(expected)
    chart = phase_chart(runs)
    assert [length for _, length in bars(chart)] == pytest.approx(list(expected.values()))
    assert written(chart) == ["jax", "12.8 s"]


def test_bars_to_the_first_step_are_stacked(record: MakeRecord, run: MakeRun) -> None:
    chart = preparation_chart(label_runs([run([record(case={"mode": "train", "backend": "jax"})])]), "train")
    begins, lengths = zip(*bars(chart), strict=True)
    assert begins == pytest.approx(np.cumsum([0, *lengths[:-1]]))


@pytest.mark.parametrize("name", ["<b>bold</b>", "a:" + "x" * 200, "$x$ & co", "模型"])
def test_labels_are_short_and_are_text(name: str, record: MakeRecord, run: MakeRun) -> None:
    one = record(f"evil.module:{name}", case={"mode": "train", "backend": "jax"})
    chart = throughput_chart(label_runs([run([one])]), "train")
    assert len(written(chart)[0]) <= 62
    svg = str(chart.svg)
    assert "<b>" not in svg
    assert "$" not in name or "$x$" in svg
    # The label of the drawing, for screen readers, and the drawing itself.
    assert svg.startswith('<svg class="drawing" role="img" aria-label="Throughput, train. ')


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.0, 1000.0], ["1", "10", "100", "1k"]),
        ([30.0, 60.0], ["30", "40", "50", "60", "70"]),
        ([0.01, 2e6], ["0.01", "1", "100", "10k", "1M"]),
        ([5.0], ["4.5", "5", "5.5", "6"]),
        ([1.3, 95.0], ["2", "5", "10", "20", "50", "100"]),
    ],
)
def test_log_axes_are_labelled_with_round_numbers(values: list[float], labels: list[str]) -> None:
    assert [si_text(tick) for tick in log_ticks(values)[2]] == labels


@given(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=5))
def test_a_logarithmic_axis_has_three_labels_in_sight(values: list[float]) -> None:
    start, end, ticks = log_ticks(values)
    assert start < math.log10(min(values)) <= math.log10(max(values)) < end
    assert 3 <= len(ticks) <= 7
    assert all(start <= math.log10(tick) + 1e-9 and math.log10(tick) - 1e-9 <= end for tick in ticks)
    assert len({si_text(tick) for tick in ticks}) == len(ticks)


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
    labels = written(throughput_chart(runs, "infer"))[:2]
    assert [label.partition(": ")[0] for label in labels] == [item.label for item in runs]


@pytest.mark.long
def test_the_legend_names_every_backend_once(big_run: Run) -> None:
    for chart in charts(label_runs([big_run])):
        names = [entry.name for entry in chart.entries]
        assert names
        assert len(names) == len(set(names))
        assert all(entry.path and entry.colour.startswith("#") for entry in chart.entries)


@pytest.mark.long
def test_drawings_take_the_colours_of_the_page_and_share_no_id(big_run: Run) -> None:
    drawings = [str(chart.svg) for chart in charts(label_runs([big_run]))]
    ids = [name for svg in drawings for name in re.findall(r'\bid="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in drawings:
        assert "currentColor" in svg
        assert "var(--soft)" in svg
        assert "#01010" not in svg
        assert "font-family" not in svg
        assert not re.search(r"\b(nan|inf)\b", svg)


def measured_at(record: MakeRecord, sizes: dict[int, float], **case: str) -> list[Record]:
    return [
        record(speed=speed, case={"mode": "infer", "backend": "jax", **case, "batch_size": size})
        for size, speed in sizes.items()
    ]


@pytest.mark.long
def test_batch_sizes_are_a_curve_with_its_knee(record: MakeRecord, run: MakeRun) -> None:
    rates = {8: 100.0, 16: 190.0, 32: 200.0, 64: 201.0}
    (chart,) = [
        chart for chart in charts(label_runs([run(measured_at(record, rates))])) if chart.key.startswith("batches")
    ]
    assert chart.title == "mlp, infer"
    assert chart.figure is not None
    throughput, memory = chart.figure.axes
    line = throughput.lines[0]
    assert dict(zip(x_of(line), y_of(line), strict=True)) == pytest.approx(rates)
    assert len(x_of(memory.lines[0])) == 4
    knee = throughput.lines[1]
    assert x_of(knee) == [32]
    assert "jax float32 stops growing" in chart.caption


def test_two_batch_sizes_are_no_curve(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run(measured_at(record, {8: 100.0, 16: 190.0}))])
    assert not any(chart.key.startswith("batches") for chart in charts(runs))
