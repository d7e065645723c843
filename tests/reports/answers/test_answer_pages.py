"""The answer on the report's first screen, in Markdown and CSV, and on the terminal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.cli.screens.answer_screen import MOST_LINES, WIDTH, answer_lines
from anatomy.bench.records.caveats import WIDE
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.keras_cost import KerasCost, append_cost
from anatomy.bench.records.machine_look import MachineLook, append_look
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.bench.records.sureness import rate_text
from anatomy.bench.records.tuning import TUNING_FILE, Goal, Tuning
from anatomy.reports import write_report
from anatomy.reports.answers.answer_panels import answer_panels
from anatomy.reports.report_page import render_html
from anatomy.reports.run_labels import label_runs
from anatomy.reports.summary import summary_sentences
from anatomy.reports.tables import all_tables, machine_table
from tests.command import anatomy
from tests.factories import STARTED_AT, make_ceiling, make_record, make_run
from tests.reports.answers.test_backend_race import BF16, timed

MakeRun = Callable[..., Run]
MODELS = ("mlp", "lstm", "text_cnn", "vgg:depth=11", "resnet:depth=20", "unet:depth=3,base_filters=8")


def records() -> list[Record]:
    return [
        *(timed(backend, speed, "lstm") for backend, speed in (("jax", 100), ("torch", 50))),
        timed("openvino", 300, "lstm", case={"mode": "infer"}, settings=BF16),
        timed("jax", 200, "lstm", case={"mode": "infer"}),
        timed("jax", 10, "mlp", spread=0.4, case={"mode": "infer"}),
    ]


def test_a_panel_for_each_model_and_mode(run: MakeRun) -> None:
    panels = answer_panels(label_runs([run(records())]))
    assert [panel.title for panel in panels] == ["lstm train", "lstm infer", "mlp infer"]
    first, second, _ = panels
    assert [bar.ratio for bar in first.heats[0].bars] == ["1.00", "0.50"]
    assert [heat.bars[0].name for heat in second.heats] == ["openvino bf16", "jax"]
    assert first.facets["Trust"].said.startswith("B, sound")
    assert first.facets["Limit"].command == "anatomy doctor"
    assert first.facets["Not tried"].command == (
        "anatomy run lstm --mode train --batch-size 8,32,128 --dtype float32,mixed_bfloat16"
    )
    assert first.facets["Change"].command == (
        "anatomy gate lstm --mode train --backend jax --batch-size 8 --against REVISION"
    )


def test_bars_lie_within_their_scale(run: MakeRun) -> None:
    panels = [
        [bar for heat in panel.heats for bar in heat.bars] for panel in answer_panels(label_runs([run(records())]))
    ]
    assert all(0 <= bar.low <= bar.length <= bar.high <= 100.0001 for bars in panels for bar in bars)
    assert [sum(bar.high > 99.9 for bar in bars) for bars in panels] == [1, 1, 1]


def test_a_measured_ceiling_is_the_limit(run: MakeRun) -> None:
    ceilings: Sequence[Ceiling] = [make_ceiling("jax")]
    settings = {"dtype_policy": "float32", "device": "cpu", "optimizer": "SGD"}
    (panel,) = answer_panels(label_runs([run([timed("jax", 1e6, settings=settings)], ceilings=ceilings)]))
    assert re.match(
        r"\d+ % of the best matrix product through jax on this machine, 1,000 GFLOP/s\. Bound by ",
        panel.facets["Limit"].said,
    )
    assert panel.facets["Limit"].command == "anatomy profile mlp --mode train --backend jax --batch-size 8"


@pytest.mark.parametrize(
    ("fields", "grade"),
    [
        ({}, "B"),
        ({"process_throughputs": [99.9, 100.0, 100.1, 100.0, 100.0]}, "A"),
        ({"recompilations": 2}, "C"),
        ({"spread": 0.3}, "C"),
    ],
)
def test_trust_has_a_grade(fields: dict[str, Any], grade: str, run: MakeRun) -> None:
    (panel,) = answer_panels(label_runs([run([timed("jax", 100, **fields)])]))
    assert panel.facets["Trust"].said.startswith(f"{grade}, ")


def test_runs_side_by_side_are_named(run: MakeRun) -> None:
    panels = answer_panels(label_runs([run([timed("jax", 1)], "a"), run([timed("jax", 2)], "b")]))
    assert len({panel.title for panel in panels}) == 2


@pytest.mark.long
def test_the_page_begins_with_the_answer(run: MakeRun) -> None:
    page = render_html(label_runs([run(records())]))
    body = page[page.index("<main>") :]
    assert body.index('id="answer"') < body.index('id="summary"') < body.index('id="models"')
    assert "lstm train: jax, 100.0 ± 0.1 % examples/s (batch 8), 2.0 × torch." in body.replace("<wbr>", "")
    assert '<option value="2">mlp infer</option>' in body


@pytest.mark.long
def test_every_table_is_on_the_page(run: MakeRun) -> None:
    sizes = [timed("jax", speed, case={"batch_size": size}) for size, speed in ((8, 50.0), (16, 90.0), (32, 95.0))]
    failed = make_record("lstm", outcome="oom", reason="too large")
    runs = label_runs([run([*records(), *sizes, failed])])
    page = render_html(runs)
    tables = all_tables(runs)
    assert {"answers", "batch_sizes", "failures"} <= {table.key for table in tables}
    found = {table.key: f'<section id="{table.key}">' in page for table in tables}
    assert found == {table.key: not table.frame.empty for table in tables}


def test_without_a_timed_case_there_is_no_answer(run: MakeRun) -> None:
    page = render_html(label_runs([run([make_record(case={"mode": "count"})])]))
    assert 'id="answer"' not in page
    assert answer_lines([make_record(case={"mode": "count"})]) == []


@pytest.mark.long
def test_csv_and_markdown_have_the_answers(run: MakeRun, tmp_path: Path) -> None:
    made = run(records())
    write_report([made.path], ["csv", "md"], tmp_path)
    lines = (tmp_path / "answers.csv").read_text().splitlines()
    assert lines[0].startswith("model,mode,precision,fastest,throughput_examples_per_s")
    assert len(lines) == 5
    assert "## Fastest backend of each model" in (tmp_path / "report.md").read_text()


def test_the_terminal_says_each_model_where_there_is_room() -> None:
    lines = answer_lines([timed(backend, speed, "lstm") for backend, speed in (("jax", 100), ("torch", 50))])
    assert lines[0].split() == ["Fastest,", "train", "examples/s", "next", "trust"]
    assert lines[1].split() == ["lstm", "b8", "jax", "100.0", "±", "0.1", "%", "2.0x", "torch", "sound"]
    assert lines[-1] == "Not tried         more than one each of --batch-size, --dtype"


def test_rows_of_the_terminal_can_be_told_apart() -> None:
    mixed = {"dtype": "mixed_bfloat16"}
    found = [
        *(timed("jax", 10, f"resnet:depth={depth}") for depth in (20, 56)),
        timed("jax", 20, "resnet:depth=20", case=mixed, settings={"dtype_policy": "mixed_bfloat16"}),
    ]
    rows = [line[:22].strip() for line in answer_lines(found) if line.startswith("  ")]
    assert len(rows) == len(set(rows)) == 3


def test_a_search_has_its_own_answer(run: MakeRun) -> None:
    made = run(records())
    tuning = Tuning(goal=Goal(), default=made.records[0].case, tolerance=0.01, contenders=[])
    (made.path / TUNING_FILE).write_text(tuning.model_dump_json())
    assert answer_panels(label_runs([made])) == ()
    assert "answers" not in [table.key for table in all_tables(label_runs([made]))]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(MODELS),
            st.sampled_from(["train", "infer", "fit", "predict"]),
            st.sampled_from(["jax", "torch", "tensorflow", "native-tensorflow"]),
            st.floats(1e-2, 1e7),
            st.floats(0, 3),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(
        ["", "busy at the start: python (1234567) 97 % of a core; busy at the end: cc1plus (7) 100 % of a core"]
    ),
)
def test_the_terminal_has_ten_lines_of_eighty_columns(
    cases: list[tuple[str, str, str, float, float]], busy: str
) -> None:
    found = [
        timed(backend, speed, model, spread=min(spread, 0.9), case={"mode": mode})
        for model, mode, backend, speed, spread in cases
    ]
    lines = answer_lines(found, busy)
    assert 2 <= len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDTH
    # Each mode is there.
    assert {mode for _, mode, *_ in cases} == {line.split()[1] for line in lines if line.startswith("Fastest,")}


def test_a_busy_machine_is_said_to_be_busy(run: MakeRun) -> None:
    made = run(records())
    for at, busy in (("start", {"cc1plus (77)": 0.97, "sshd (3)": 0.06}), ("end", {})):
        append_look(made.path, MachineLook(at=at, looked_at=STARTED_AT, watched_s=0.25, busy=busy))  # type: ignore[arg-type]
    runs = label_runs([made])
    said = "busy at the start: cc1plus (77) 97 % of a core"
    assert any(f"The machine was {said};" in sentence for sentence in summary_sentences(runs))
    assert all(said in panel.facets["Trust"].said for panel in answer_panels(runs))
    facts = machine_table(runs).frame.set_index("fact")
    assert facts.loc["other processes"].iloc[0] == said
    assert f"Machine           {said}" in answer_lines(records(), said)


def test_a_quiet_machine_is_said_to_be_quiet(run: MakeRun) -> None:
    made = run([timed("jax", 1)])
    append_look(made.path, MachineLook(at="start", looked_at=STARTED_AT, watched_s=0.25, busy={"sshd (3)": 0.06}))
    runs = label_runs([made])
    assert not any("busy" in sentence for sentence in summary_sentences(runs))
    assert machine_table(runs).frame.set_index("fact").loc["other processes"].iloc[0] == "none busy at the start"


def test_the_newest_run_is_reported_where_none_is_named(tmp_path: Path) -> None:
    none = anatomy("report", folder=tmp_path)
    assert none.code == 2
    assert "no run in anatomy-runs/" in none.err
    for name in ("2026-01-31T12-00-00Z", "2026-02-01T12-00-00Z"):
        make_run(tmp_path / "anatomy-runs" / name, [timed("jax", 1)])
    done = anatomy("report", "--format", "md", folder=tmp_path)
    assert done.out.strip() == "anatomy-runs/2026-02-01T12-00-00Z/report.md"


@pytest.mark.long
def test_a_run_with_a_name_of_its_own_is_newest_by_its_time(tmp_path: Path) -> None:
    runs = tmp_path / "anatomy-runs"
    for name, begun in (("zoo", "2026-01-31T12:00:00Z"), ("2026-02-01T12-00-00Z", "2026-02-01T12:00:00Z")):
        made = make_run(runs / name, [timed("jax", 1)])
        header = json.loads((made.path / "run.json").read_text())
        (made.path / "run.json").write_text(json.dumps(header | {"started_at": begun}))
    done = anatomy("report", "--format", "md", folder=tmp_path)
    assert done.out.strip() == "anatomy-runs/2026-02-01T12-00-00Z/report.md"


def test_the_version(tmp_path: Path) -> None:
    done = anatomy("--version", folder=tmp_path)
    assert done.code == 0
    assert re.fullmatch(r"anatomy \d+\.\d+\.\d+\S*\n", done.out)


def test_what_keras_costs_stands_beside_the_answer(run: MakeRun) -> None:
    made = run([timed("jax", 100), timed("torch", 40)])
    (panel,) = answer_panels(label_runs([made]))
    assert panel.facets["Over the framework"].command == (
        "anatomy compare-frameworks mlp --mode train --batch-size 8 --frameworks jax,torch"
    )
    case = made.records[1].case
    native = case.model_copy(update={"backend": "native-torch"})
    append_cost(made.path, KerasCost(keras=case, native=native, effects=[math.log(2), math.log(2.02), math.log(1.98)]))
    (panel,) = answer_panels(label_runs([made]))
    assert panel.facets["Over the framework"].said.startswith("torch: Keras takes 2.00 × as long (95 %: 1.9")


def test_a_predict_loop_has_no_framework_beside_it(run: MakeRun) -> None:
    (panel,) = answer_panels(label_runs([run([timed("jax", 100, case={"mode": "predict"})])]))
    assert "Over the framework" not in panel.facets


@pytest.mark.long
def test_bars_of_one_card_have_one_scale_and_a_cut_one_says_so(run: MakeRun) -> None:
    records = [
        timed("jax", 400, case={"mode": "infer"}, spread=0.9),
        timed("openvino", 100, case={"mode": "infer"}, settings=BF16),
    ]
    (panel,) = answer_panels(label_runs([run(records)]))
    bars = {bar.name: bar for heat in panel.heats for bar in heat.bars}
    assert bars["jax"].length == pytest.approx(4 * bars["openvino bf16"].length)
    assert (bars["jax"].cut, bars["openvino bf16"].cut) == (True, False)
    page = render_html(label_runs([run(records, "again")]))
    assert page.count('class="cut"') == 1


@pytest.mark.parametrize(
    ("spread", "shown"), [(0.096, "± 9.6 %"), (0.104, "± 10.4 %"), (0.3, "± 30 %"), (0.02, "± 2 %")]
)
def test_digits_show_on_which_side_of_the_limit_a_figure_is(spread: float, shown: str) -> None:
    record = make_record(
        speed=100.0, process_throughputs=[100.0, 100.0], process_medians_s=[0.08, 0.08], case={"batch_size": 8}
    )
    low, high = 100 * (1 - spread), 100 * (1 + spread)
    with mock.patch.object(type(record), "throughput_interval_examples_per_s", (low, high)):
        assert rate_text(record).endswith(shown)
        assert rate_text(record).startswith("≈") == (spread > WIDE)


def test_a_list_to_choose_from_tells_long_models_and_runs_apart(tmp_path: Path) -> None:
    """What differs stands at the end, where a phone does not cut it off."""
    model = "unet:depth=3,base_filters=8,input_shape=64x64x1"
    cases = [timed("jax", 100.0, model, case={"mode": mode}) for mode in ("train", "infer")]
    runs = [make_run(tmp_path / name, cases, identifier=f"2026-12-01T00-20-{name}") for name in ("04Z", "44Z")]
    panels = answer_panels(label_runs(runs))
    choices = [panel.choice for panel in panels]
    assert len(set(choices)) == len(choices) == 4
    assert {len(choice) <= 40 for choice in choices} == {True}
    assert [choice.rpartition(" run ")[2] for choice in choices] == ["1", "1", "2", "2"]
    assert [panel.run for panel in panels][::2] == [
        "Run 1 of 2: 2026-12-01T00-20-04Z",
        "Run 2 of 2: 2026-12-01T00-20-44Z",
    ]


@pytest.mark.long
def test_a_phone_has_what_a_wide_page_has(run: MakeRun) -> None:
    runs = label_runs([run(records())])
    page = render_html(runs)
    for bar in answer_panels(runs)[0].heats[0].bars:
        assert f"{bar.name}: median step {bar.step}, memory {bar.memory}" in page


def test_a_grade_says_what_was_not_recorded(tmp_path: Path) -> None:
    for name, others in (("unknown", None), ("known", 0.0)):
        made = make_run(tmp_path / name, [timed("jax", 100.0, others_cores=others)])
        (panel,) = answer_panels(label_runs([made]))
        assert ("was not recorded" in panel.facets["Trust"].said) is (others is None)
