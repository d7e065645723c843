"""Figures that should not be taken at face value carry a mark wherever they appear; scripts are linked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.caveats import ALL_CAVEATS, caveats_of
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, ClockCheck, Series
from anatomy.bench.records.run_store import Run, write_script
from anatomy.reports import write_report
from anatomy.reports.answers.answer_panels import answer_panels
from anatomy.reports.caveat_signs import signs
from anatomy.reports.number_words import plural
from anatomy.reports.report_charts import latency_chart, memory_chart, throughput_chart
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import answer_tables, case_table, loop_table, model_table, race_tables, speed_table
from tests.reports.drawn import written

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]

MARKED = [
    ({"series": Series(label="drifting")}, "†"),
    ({"series": Series(label="slowing")}, "†"),
    ({"series": Series(label="never settled")}, "†"),
    ({"series": Series(label="short")}, "°"),
    ({"recompilations": 1}, "‡"),
    ({"clock": ClockCheck(verdict="not checked", reason="too noisy")}, "§"),
    ({"series": Series(label="slowing"), "recompilations": 3}, "†‡"),
]
# So many, and so alike, that the interval is narrow.
SURE = [Block(steps=10, seconds=0.1 + 0.0001 * n) for n in range(6)]
SLOWER = [Block(steps=10, seconds=0.2 + 0.0001 * n) for n in range(6)]
UNMARKED: list[dict[str, Any]] = [
    {},
    {"series": Series(label="settled"), "recompilations": 0, "clock": ClockCheck(verdict="overlaps")},
]


@pytest.mark.parametrize(("fields", "sign"), MARKED)
def test_marks_are_wherever_the_figure_is(fields: dict[str, Any], sign: str, record: MakeRecord, run: MakeRun) -> None:
    step = record(case={"mode": "train", "backend": "jax"}, blocks=SURE, **fields)
    loop = record(case={"mode": "fit", "backend": "jax"}, blocks=SLOWER)
    runs = label_runs([run([step, loop])])
    for table, key in (
        (case_table(runs), "throughput_examples_per_s"),
        (case_table(runs), "step_median_s"),
        (model_table(runs), "train_jax_throughput_examples_per_s"),
        (model_table(runs), "train_jax_step_median_s"),
        (loop_table(runs), "pipelined_s"),
        (loop_table(runs), "overhead_s"),
    ):
        column = next(column for column in table.columns if column.key == key)
        assert table.signs(0, column) == sign, (table.key, key)
        assert table.footnotes[-1].startswith(sign[0]), table.key
    assert list(speed_table(runs).frame["marked"]) == [1, 1]
    for draw in (throughput_chart, latency_chart):
        chart = draw(runs, "train")
        assert written(chart)[-1].startswith("≈ ")
        assert "≈: a weak figure" in chart.caption
        assert [entry.name for entry in chart.entries] == ["jax"]
    # The peak of memory comes before the window that the marks are about.
    assert "≈" not in memory_chart(runs, "train").caption


@pytest.mark.long
@pytest.mark.parametrize("fields", UNMARKED)
def test_settled_figures_have_none(fields: dict[str, Any], record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([record(case={"mode": "train", "backend": "jax"}, blocks=SURE, **fields)])])
    assert not any(case_table(runs).signs(0, column) for column in case_table(runs).columns)
    assert not written(latency_chart(runs, "train"))[-1].startswith("≈")


def test_failed_cases_have_no_marks(record: MakeRecord) -> None:
    assert caveats_of(record(outcome="oom", series=Series(label="slowing"))) == ()


def test_signs_are_distinct() -> None:
    assert len(set(signs(ALL_CAVEATS))) == len(ALL_CAVEATS)


@pytest.mark.long
def test_a_script_beside_the_records_is_linked(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    with_script, without = (record(case={"mode": "train", "backend": backend}) for backend in ("jax", "torch"))
    made = run([with_script, without])
    write_script(made.path, with_script.key, "print()")
    html, markdown = (path.read_text() for path in write_report([made.path], ["html", "md"]))
    address = f"scripts/{with_script.key}.py"
    assert html.count(f'href="{address}" title="reproduce"') == 2
    assert f'({address} "reproduce")' in markdown
    assert f"scripts/{without.key}.py" not in html
    assert (made.path / address).exists()


@pytest.mark.long
def test_a_report_elsewhere_links_no_script(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    one = record(case={"mode": "train", "backend": "jax"})
    made = run([one])
    write_script(made.path, one.key, "print()")
    (path,) = write_report([made.path], out=tmp_path / "elsewhere")
    assert "scripts/" not in path.read_text()


@pytest.mark.parametrize(("number", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases"), (1200, "1,200 cases")])
def test_one_is_singular(number: int, text: str) -> None:
    assert plural(number, "case") == text


def test_a_throughput_without_a_narrow_interval_is_weak_in_every_table(record: MakeRecord, run: MakeRun) -> None:
    wide = [Block(steps=10, seconds=seconds) for seconds in (0.1, 0.2, 0.1, 0.2, 0.1, 0.2)]
    for name, blocks, sign in (("sure", SURE, ""), ("wide", wide, "~"), ("one", SURE[:1], "~")):
        runs = label_runs([run([record(case={"mode": "train", "backend": "jax"}, blocks=blocks)], name)])
        for table, key in (
            (case_table(runs), "throughput_examples_per_s"),
            (model_table(runs), "train_jax_throughput_examples_per_s"),
            (answer_tables(runs)[0], "throughput_examples_per_s"),
        ):
            column = next(column for column in table.columns if column.key == key)
            assert table.signs(0, column) == sign


WIDE_STEPS = [0.01, 0.03] * 20


def test_a_step_that_is_known_badly_is_weak_in_every_table_and_chart(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([record(case={"mode": "train", "backend": "jax"}, blocks=SURE, steps=WIDE_STEPS)])])
    for table, key in ((case_table(runs), "step_median_s"), (model_table(runs), "train_jax_step_median_s")):
        column = next(column for column in table.columns if column.key == key)
        assert table.signs(0, column) == "~", table.key
    assert written(latency_chart(runs, "train"))[-1].startswith("≈ ")
    (panel,) = answer_panels(runs)
    assert panel.heats[0].bars[0].step.startswith("≈ ")


def test_what_is_made_of_a_weak_figure_is_weak(record: MakeRecord, run: MakeRun) -> None:
    wide = [Block(steps=10, seconds=seconds) for seconds in (0.1, 0.3, 0.1, 0.3, 0.1, 0.3)]
    fit, step = {"mode": "fit", "backend": "jax"}, {"mode": "train", "backend": "jax"}
    for name, loop_blocks, step_blocks in (("loop", wide, SURE), ("step", SLOWER, wide)):
        records = [record(case=fit, blocks=loop_blocks), record(case=step, blocks=step_blocks)]
        table = loop_table(label_runs([run(records, name)]))
        signs_of = {column.key: table.signs(0, column) for column in table.columns}
        assert (signs_of["overhead_s"], signs_of["overhead_share"]) == ("~", "~")
        assert signs_of["loop_step_s"] == ("~" if loop_blocks is wide else "")
    sound, weak = (record(case=step | {"backend": b}, blocks=x) for b, x in (("torch", SLOWER), ("jax", wide)))
    runs = label_runs([run([sound, weak], "two")])
    answers, races = answer_tables(runs)[0], race_tables(runs)[0]
    ratio = next(column for column in answers.columns if column.key == "ratio")
    assert answers.signs(0, ratio) == "~"
    assert [races.signs(0, column) for column in races.columns if column.key in ("torch", "jax")].count("~") >= 1
    assert list(speed_table(runs).frame.query("kind == 'all'")["marked"]) == [0, 1]
    # Of two models or fewer there is no interval: the mean is as weak as what it is made of.
    speeds = speed_table(runs)
    relative = next(column for column in speeds.columns if column.key == "relative_speed")
    signs_of_speeds = dict(
        zip(speeds.frame["relative_speed"], (speeds.signs(n, relative) for n in range(2)), strict=False)
    )
    assert signs_of_speeds.pop(1.0) == ""
    assert list(signs_of_speeds.values()) == ["~"]
