"""Two runs beside each other: on the terminal, as Markdown, as JSON, and in the report of both."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block
from anatomy.bench.records.run_store import Run
from anatomy.reports.answers.answer_panels import answer_panels
from anatomy.reports.difference_words import (
    MOST_LINES,
    WIDTH,
    difference_lines,
    difference_markdown,
)
from anatomy.reports.report_page import render_html
from anatomy.reports.run_difference import compare_runs, difference_sentence
from anatomy.reports.run_labels import label_runs
from anatomy.reports.summary import summary_sentences
from anatomy.reports.tables import change_tables
from tests.command import anatomy
from tests.factories import make_header, make_record, make_run

MakeRun = Callable[..., Run]
STEADY = (1.0, 1.001, 0.999)


def case(model: str, speed: float, processes: Sequence[float] = STEADY, **fields: Any) -> Record:
    rates = [speed * factor for factor in processes]
    several = {"process_throughputs": rates, "process_medians_s": [1 / rate for rate in rates]}
    blocks = [Block(steps=100, seconds=800 / (speed * factor)) for factor in (0.999, 1.001, 1, 0.999, 1.001)]
    return make_record(
        model,
        speed=speed,
        blocks=blocks,
        case={"mode": "train", "backend": "jax", "batch_size": 8},
        **{"name": f"{model} train jax b8", **(several if len(rates) > 1 else {}), **fields},
    )


def two_runs(folder: Path) -> tuple[Run, Run]:
    before = [case("mlp", 100), case("lstm", 100), case("text_cnn", 50), case("googlenet", 10, (1.0,))]
    after = [case("mlp", 60), case("lstm", 100.05), case("vgg:depth=11", 70), case("googlenet", 8, (1.0,))]
    return make_run(folder / "before", before), make_run(folder / "after", after)


def test_changes_come_first_and_all_else_is_named(tmp_path: Path) -> None:
    frame = compare_runs(*two_runs(tmp_path))
    assert dict(zip(frame.index, frame["verdict"], strict=True)) == {
        "mlp train jax b8": "slower",
        "googlenet train jax b8": "one process",
        "lstm train jax b8": "too close",
        "text_cnn train jax b8": "only in a",
        "vgg:depth=11 train jax b8": "only in b",
    }
    assert difference_lines(frame, ("before", "after")) == [
        "after (b) beside before (a)",
        "5 cases: 1 slower, 1 too close, 1 one process, 1 only in a, 1 only in b",
        "  mlp train jax b8                   0.60x (0.60 to 0.60)       slower",
        "  text_cnn train jax b8                                         only in a",
        "  vgg:depth=11 train jax b8                                     only in b",
        "  googlenet train jax b8             0.80x                      one process",
        "Whether a change of code made it slower, anatomy gate decides.",
    ]


def test_markdown_folds_what_did_not_change(tmp_path: Path) -> None:
    text = difference_markdown(compare_runs(*two_runs(tmp_path)), ("before", "after"))
    shown, folded = text.split("<details>")
    assert "| mlp train jax b8 | 100 | 60.0 | 0.60 | 0.60 to 0.60 | slower |" in shown
    assert "lstm" not in shown
    assert "4 cases without a clear change" in folded
    assert "| lstm train jax b8 |" in folded


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", [case("mlp", 1, name="<script>|@team")])
    text = difference_markdown(compare_runs(run, run), ("<b>", "a|b"))
    assert "<script>" not in text.replace("\\<", "")
    assert all(line.replace("\\|", "").count("|") == 7 for line in text.splitlines() if line.startswith("| "))


@pytest.mark.long
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=60), st.floats(1e-3, 1e9), st.floats(1e-3, 1e9), st.booleans()),
        max_size=20,
        unique_by=lambda item: item[0],
    )
)
def test_the_terminal_has_twelve_lines_of_eighty_columns(items: list[tuple[str, float, float, bool]]) -> None:
    import pandas as pd

    rows = [
        {
            "name": name.replace("\n", " "),
            "key": str(number),
            "a": a,
            "b": b,
            "ratio": b / a,
            "low": b / a * 0.9 if several else None,
            "high": b / a * 1.1 if several else None,
            "verdict": ("faster" if b > a else "slower") if several else "only in a",
            "differences": "",
        }
        for number, (name, a, b, several) in enumerate(items)
    ]
    frame = pd.DataFrame(
        rows, columns=["name", "key", "a", "b", "ratio", "low", "high", "verdict", "differences"]
    ).set_index("name")
    lines = difference_lines(frame, ("before", "after"))
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDTH
    assert difference_markdown(frame, ("a", "b"))


@pytest.mark.long
def test_the_report_of_two_runs_has_their_difference(tmp_path: Path) -> None:
    runs = label_runs(list(two_runs(tmp_path)))
    (table,) = change_tables(runs)
    assert table.frame["verdict"].iloc[0] == "slower"
    page = render_html(runs)
    assert '<section id="changes">' in page
    assert '<a href="#changes">' in page
    assert change_tables(runs[:1]) == ()


def test_three_runs_are_compared_with_the_first(tmp_path: Path) -> None:
    before, after = two_runs(tmp_path)
    third = make_run(tmp_path / "third", [case("mlp", 200)])
    (table,) = change_tables(label_runs([before, after, third]))
    assert [text.count("before") for text in table.frame["run"].unique()] == [1, 1]
    assert sorted(text.rpartition("(")[2] for text in table.frame["run"].unique()) == ["after)", "third)"]


def test_unlike_machines_are_not_compared(run: MakeRun, tmp_path: Path) -> None:
    one, other = run([case("mlp", 1)], "one"), run([case("mlp", 1)], "other", cpu="another")
    assert change_tables(label_runs([one, other])) == ()
    refused = anatomy("compare", str(one.path), str(other.path), folder=tmp_path)
    assert refused.code == 2
    assert "different machines or software" in refused.err


def test_the_command_prints_lines_markdown_or_json(tmp_path: Path) -> None:
    two_runs(tmp_path)
    lines = anatomy("compare", "before", "after", folder=tmp_path).out.splitlines()
    assert lines[:2] == [
        "after (b) beside before (a)",
        "5 cases: 1 slower, 1 too close, 1 one process, 1 only in a, 1 only in b",
    ]
    assert anatomy("compare", "before", "after", "--markdown", folder=tmp_path).out.startswith(
        "**after beside before**"
    )
    rows = json.loads(anatomy("compare", "before", "after", "--json", folder=tmp_path).out)
    assert rows[0]["verdict"] == "slower"
    assert anatomy("compare", "before", "nothing", folder=tmp_path).code == 2


def test_empty_runs_have_no_difference(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, [], planned=make_header().planned) for name in ("a", "b")]
    frame = compare_runs(*runs)
    assert difference_lines(frame, ("a", "b"))[1] == "no case in either"


def test_what_fails_now_is_named(tmp_path: Path) -> None:
    before = make_run(tmp_path / "a", [case("mlp", 100), make_record(case={"mode": "count"})])
    crashed = case("mlp", 100).model_copy(update={"outcome": "crashed", "reason": "why"})
    after = make_run(tmp_path / "b", [crashed])
    lines = difference_lines(compare_runs(before, after), ("a", "b"))
    assert lines[1] == "1 case: 1 b: crashed"
    assert lines[2].split() == ["mlp", "train", "jax", "b8", "b:", "crashed"]


@pytest.mark.parametrize("speed", [100.0, 100.05])
def test_equal_runs_are_too_close(tmp_path: Path, speed: float) -> None:
    runs = make_run(tmp_path / "a", [case("mlp", 100)]), make_run(tmp_path / "b", [case("mlp", speed)])
    assert list(compare_runs(*runs)["verdict"]) == ["too close"]


def test_a_weak_figure_is_marked_on_its_own_side(tmp_path: Path) -> None:
    before = make_run(tmp_path / "before", [case("mlp", 100), case("lstm", 10)])
    after = make_run(tmp_path / "after", [case("mlp", 60, recompilations=3), case("lstm", 9)])
    (table,) = change_tables(label_runs([before, after]))
    row = table.frame["case"].tolist().index("mlp train jax b8")
    marked = {c.key: table.signs(row, c) for c in table.columns if table.signs(row, c)}
    assert marked == {"b": "‡", "ratio": "‡"}
    assert not any(table.signs(other, c) for other in range(len(table.frame)) if other != row for c in table.columns)


@pytest.mark.long
def test_wide_intervals_do_not_say_that_nothing_changed(tmp_path: Path) -> None:
    """Processes that differ much leave room for a change; alike ones do not."""
    unsteady = (1.0, 1.3, 0.8)
    before = make_run(tmp_path / "before", [case("mlp", 100), case("lstm", 100, unsteady)])
    after = make_run(tmp_path / "after", [case("mlp", 100), case("lstm", 110, unsteady)])
    frame = compare_runs(before, after)
    assert difference_sentence(frame) == "2 cases: 1 too close, 1 not known"
    runs = label_runs([before, after])
    (table,) = change_tables(runs)
    verdicts = dict(zip(table.frame["case"].str.split().str[0], table.frame["verdict"], strict=True))
    assert verdicts["mlp"] == "too close"
    low, high = (float(end) for end in re.findall(r"\d\.\d\d", verdicts["lstm"]))
    assert verdicts["lstm"].startswith("not known: ")
    assert low < 1 < high
    assert summary_sentences(runs)[0].endswith("2 cases: 1 too close, 1 not known.")
    first, second = (panel for panel in answer_panels(runs) if "lstm" in panel.title)
    assert "first of its machine" in first.facets["Change"].said
    assert f"jax ≈ 1.1 × that of run 1, {verdicts['lstm']}." == second.facets["Change"].said
    assert '<a href="#changes">' in render_html(runs)
