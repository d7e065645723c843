"""A page for each case: what is on it, and that nothing of the tables is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, Series
from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from anatomy.reports.cases import case_pages
from anatomy.reports.cases.case_charts import (
    MOST_POINTS,
    distribution_chart,
    gpu_chart,
    host_chart,
    series_chart,
    thinned,
)
from anatomy.reports.cases.fact_groups import fact_groups
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import case_table, phase_table, trust_table
from anatomy.reports.tables.case_cells import CASE_COLUMNS
from tests.factories import nested_profile
from tests.reports.drawn import axes_of, segments, y_of
from tests.reports.profiles.conftest import profiled_run
from tests.reports.test_report_page import Page

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


@pytest.mark.long
def test_every_timed_case_has_a_page_and_every_link_leads_to_one(big_run: Run, tmp_path: Path) -> None:
    (report,) = write_report([big_run.path], out=tmp_path, pages=True)
    pages = {path.name: Page(path.read_text()) for path in (tmp_path / "cases").iterdir()}
    timed = [record for record in big_run.records if record.case.mode != "count"]
    assert set(pages) == {f"{record.key}.html" for record in timed}
    linked = {a["href"] for tag, a in Page(report.read_text()).tags if tag == "a" and "cases/" in (a["href"] or "")}
    assert linked == {f"cases/{name}" for name in pages}
    for page in pages.values():
        assert page.open == []
        beside = {a["href"] or "" for tag, a in page.tags if tag == "a" and (a["href"] or "").endswith(".html")}
        assert beside - {"../report.html"} <= set(pages)
        assert [text for _, text in page.texts if {"nan", "None", "inf"} & set(text.split())] == []


def test_a_page_has_every_column_of_the_tables(big_run: Run) -> None:
    (item,) = label_runs([big_run])
    record = next(r for r in big_run.records if (r.case.mode, r.case.backend, r.outcome) == ("infer", "jax", "ok"))
    groups = tuple(fact_groups(item, record, None))
    shown = {fact.name.split(" [")[0].rsplit(": ", 1)[-1] for group in groups for fact in group.facts}
    known = {column.key for column in CASE_COLUMNS} | {"outcome", "checks"}
    for table in (case_table((item,)), trust_table((item,)), phase_table((item,))):
        row = next(
            n
            for n in range(len(table.frame))
            if all(
                table.value(n, key) == value
                for key, value in (("backend", "jax"), ("mode", "infer"), ("batch_size", record.case.batch_size))
            )
            and table.value(n, "model") in record.name
        )
        wanted = {c.head for c in table.columns if c.key not in known and table.cell(row, c) != "–"}
        assert wanted <= shown
    assert "Same function on every backend" in {group.title for group in groups}


def test_a_failed_case_says_why_and_has_no_chart(record: MakeRecord, run: MakeRun) -> None:
    failed = record(outcome="crashed", reason="ValueError: <b>no</b>", case={"mode": "train", "backend": "jax"})
    (item,) = label_runs([run([failed])], paged=True)
    ((name, text),) = case_pages(item)
    page = Page(text)
    assert name == f"{failed.key}.html"
    assert ("p", "crashed: ValueError: <b>no</b>") in page.texts
    assert "drawing" not in {attributes.get("class") for _, attributes in page.tags}


@pytest.mark.long
def test_the_end_of_the_log_is_text(record: MakeRecord, run: MakeRun) -> None:
    one = record(log="logs/x.log", case={"mode": "train", "backend": "jax"})
    made = run([one])
    (made.path / "logs").mkdir(exist_ok=True)
    lines = [f"line {n}" for n in range(100)]
    (made.path / "logs" / "x.log").write_bytes("\n".join([*lines, "</pre><script>"]).encode() + b"\xff")
    ((_, text),) = case_pages(label_runs([made])[0])
    (log,) = [words for tag, words in Page(text).texts if tag == "pre"]
    assert log.startswith("line 61\n")
    assert "</pre><script>" in log


@pytest.mark.long
def test_a_profiled_case_has_its_profile(tmp_path: Path) -> None:
    case = profiled_run(tmp_path / "first").records[0].case
    made = profiled_run(tmp_path / "run", nested_profile("jax").model_copy(update={"case": case}))
    ((name, text),) = case_pages(label_runs([made])[0])
    assert name == f"{case.key}.html"
    assert text.count('class="tree"') == 1
    assert "encoder" in text


def test_pages_are_of_one_run(record: MakeRecord, run: MakeRun) -> None:
    runs = [run([record(case={"mode": "train", "backend": "jax"})], name).path for name in ("a", "b")]
    with pytest.raises(UsageError, match="expected one run"):
        write_report(runs, pages=True)


@pytest.mark.long
def test_large_runs_have_pages_where_they_are_asked_for(
    record: MakeRecord, run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["anatomy.reports.write_report"], "MOST_PAGES", 1)
    records = [record(case={"mode": "train", "backend": backend}) for backend in ("jax", "torch")]
    made = run(records)
    write_report([made.path])
    assert not (made.path / "cases").exists()
    write_report([made.path], pages=True)
    assert len(list((made.path / "cases").iterdir())) == 2


def test_levels_lie_between_the_change_points(record: MakeRecord) -> None:
    steps = [0.002] * 10 + [0.001] * 20
    one = record(steps=steps, series=Series(label="drifting", change_points=[10]), case={"backend": "jax"})
    chart = series_chart(one)
    assert chart is not None
    levels = [(start[0], start[1], end[0]) for start, end in segments(chart)]
    assert levels == [(0, 2.0, 9), (10, 1.0, 29)]
    assert "drifting" in chart.caption


def test_change_points_of_another_process_are_not_drawn(record: MakeRecord) -> None:
    series = Series(label="slowing", change_points=[900])
    one = record(steps=[0.001] * 20, series=series, process_medians_s=[0.001, 0.002], case={"backend": "jax"})
    chart = series_chart(one)
    assert chart is not None
    assert len(axes_of(chart).collections) == 1
    assert "of the median one of 2 processes" in chart.caption


def test_an_interrupted_step_does_not_flatten_the_others(record: MakeRecord) -> None:
    chart = series_chart(record(steps=[0.001] * 200 + [5.0], case={"backend": "jax"}))
    assert chart is not None
    assert axes_of(chart).get_ylim()[1] < 2
    assert "1 slower steps are cut off; the slowest took 5e+03 ms" in chart.caption


def test_every_step_is_in_the_distribution(record: MakeRecord) -> None:
    steps = [0.001 + 0.00001 * (n % 50) for n in range(500)]
    chart = distribution_chart(record(steps=steps, case={"backend": "jax"}))
    assert chart is not None
    assert sum(bar.get_height() for bar in axes_of(chart).patches if isinstance(bar, Rectangle)) == 500


def test_memory_over_time_is_as_sampled(record: MakeRecord) -> None:
    use = HostUse(at_s=[0.0, 1.0, 2.0], resident_bytes=[2**20, 2**21, 2**22], cpu_s=[0.0, 1.5, 3.5])
    chart = host_chart(record(host_use=use, case={"backend": "jax"}))
    assert chart is not None
    assert chart.figure is not None
    cores, memory = chart.figure.axes
    assert y_of(memory.lines[0]) == [1, 2, 4]
    assert y_of(cores.lines[0]) == [1.5, 2.0]


def test_a_gpu_is_drawn_where_it_answered() -> None:
    use = GpuUse(index=0, name="H", samples=3, trace={"at_s": [0.0, 1.0, 2.0], "utilisation": [0.5, None, 1.0]})
    chart = gpu_chart(use, "utilisation")
    assert chart is not None
    assert y_of(axes_of(chart).lines[0]) == [50, 100]
    assert gpu_chart(use, "memory_used_bytes") is None
    assert gpu_chart(use.model_copy(update={"trace": {}}), "utilisation") is None


def test_the_memory_of_a_gpu_is_drawn_over_time() -> None:
    use = GpuUse(index=0, name="H", samples=2, trace={"at_s": [0.0, 1.0], "memory_used_bytes": [2**20, 3 * 2**20]})
    chart = gpu_chart(use, "memory_used_bytes")
    assert chart is not None
    assert y_of(axes_of(chart).lines[0]) == [1, 3]
    assert "memory" in chart.title


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=3000))
def test_thinning_keeps_the_extremes_in_their_order(values: list[float]) -> None:
    positions, kept = thinned(values)
    assert positions == sorted(set(positions))
    assert kept == [values[position] for position in positions]
    assert len(kept) <= MOST_POINTS
    assert (min(kept), max(kept)) == (min(values), max(values))


def sure(speed: float) -> list[Block]:
    """Blocks that are alike, so that the interval is narrow."""
    return [Block(steps=10, seconds=10 * 32 / speed)] * 6


def test_a_case_has_its_own_rows_beside_cases_that_differ_in_one_setting(record: MakeRecord, run: MakeRun) -> None:
    def case(speed: float, **fields: object) -> Record:
        return record(speed=speed, blocks=sure(speed), case={"mode": "fit", "backend": "jax", **fields})

    records = [case(100.0), case(50.0, feed="tf.data"), case(25.0, jit="on")]
    (item,) = label_runs([run(records)])
    for one, data_from, loop_ms in zip(records, ("numpy", "tf.data", "numpy"), (320, 640, 1280), strict=True):
        facts = {fact.name: fact.text for group in fact_groups(item, one, None) for fact in group.facts}
        assert facts["data from"] == data_from
        assert float(facts["a step: in the loop [ms]"].replace(",", "")) == pytest.approx(loop_ms)


@pytest.mark.long
def test_phases_have_their_unit_and_no_reason_stands_beside_a_value(record: MakeRecord, run: MakeRun) -> None:
    one = record(blocks=sure(100.0), case={"mode": "fit", "backend": "jax"})
    groups = list(fact_groups(label_runs([run([one])])[0], one, None))
    facts = {fact.name: fact for group in groups for fact in group.facts}
    assert facts["phases: compile [s]"].text.startswith("2")
    assert facts["a step: in the loop [ms]"].why == ""


@pytest.mark.long
def test_a_case_whose_outputs_deviate_is_not_sound(record: MakeRecord, run: MakeRun) -> None:
    samples = {"jax": [0.0, 1.0], "tensorflow": [0.0, 1.0], "torch": [0.5, 0.2]}
    blocks = [Block(steps=10, seconds=0.1 + 0.0001 * n) for n in range(6)]
    records = [
        record(output_sample=sample, blocks=blocks, case={"mode": "infer", "backend": backend})
        for backend, sample in samples.items()
    ]
    pages = dict(case_pages(label_runs([run(records)])[0]))
    said = {one.case.backend: "outputs deviate" in pages[f"{one.key}.html"] for one in records}
    assert said == {"jax": False, "tensorflow": False, "torch": True}


@pytest.mark.long
@pytest.mark.parametrize("log", ["/etc/hostname", "../secret.txt", "logs/../../secret.txt"])
def test_a_log_outside_the_run_is_not_read(log: str, record: MakeRecord, run: MakeRun) -> None:
    made = run([record(log=log, case={"mode": "train", "backend": "jax"})])
    (made.path.parent / "secret.txt").write_text("secret")
    ((_, text),) = case_pages(label_runs([made])[0])
    assert "<pre" not in text
