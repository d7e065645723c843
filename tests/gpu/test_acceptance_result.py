"""Verdicts of figures, parts and the whole."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gpu.acceptance_result import (
    VERDICTS,
    Figure,
    Verdict,
    combine,
    conclude_part,
    impossible,
    judge,
    judge_word,
)
from tests.gpu.part_report import FIGURES_FILE, PartReport, kept_files, read_figures

NUMBERS = st.floats(-1e9, 1e9)
FIGURES = st.builds(
    Figure,
    name=st.text(min_size=1),
    value=st.one_of(st.none(), NUMBERS, st.text()),
    expectation=st.text(),
    verdict=st.sampled_from(VERDICTS),
    reason=st.text(),
)


@given(value=NUMBERS, low=NUMBERS, width=st.floats(0, 1e9))
def test_a_number_passes_within_its_range_and_at_its_ends(value: float, low: float, width: float) -> None:
    figure = judge("x", value, low=low, high=low + width)
    assert figure.verdict == ("passed" if low <= value <= low + width else "failed")
    assert bool(figure.reason) == (figure.verdict == "failed")
    assert judge("x", low, low=low, high=low + width).verdict == "passed"
    assert judge("x", low + width, low=low, high=low + width).verdict == "passed"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_fails_and_can_be_stored(value: float) -> None:
    figure = judge("x", value, missing="NVML does not tell")
    assert (figure.verdict, figure.value) == ("failed", None)
    assert Figure.model_validate_json(figure.model_dump_json()) == figure


def test_a_missing_number_needs_a_reason() -> None:
    assert judge("x", None, low=1, missing="not supported").verdict == "not possible"
    assert judge("x", None, low=1, missing="not supported").reason == "not supported"
    assert judge("x", None, low=1).verdict == "failed"


def test_expectations_are_in_words() -> None:
    texts = [
        judge("x", 1, low=0.5).expectation,
        judge("x", 1, high=2).expectation,
        judge("x", 1, low=0, high=2).expectation,
    ]
    assert texts == ["at least 0.5", "at most 2", "0 to 2"]
    assert judge("x", 3, low=0, high=2).reason == "3 is not 0 to 2"


def test_a_word_is_one_of_those_expected() -> None:
    assert judge_word("x", "oom", ["oom", "invalid"]).verdict == "passed"
    assert judge_word("x", "ok", ["oom", "invalid"], "it fitted").reason == "ok, expected oom or invalid: it fitted"


@given(FIGURES)
def test_a_stand_in_concludes_nothing_from_a_figure_of_the_gpu(figure: Figure) -> None:
    assert figure.only_on_gpu(stand_in=False) == figure
    shown = figure.only_on_gpu(stand_in=True)
    assert (shown.verdict, shown.value, shown.expectation) == ("not possible", figure.value, figure.expectation)


@given(st.lists(st.sampled_from(VERDICTS)))
def test_a_whole_fails_by_one_failure_and_needs_one_pass(verdicts: list[Verdict]) -> None:
    expected = "failed" if "failed" in verdicts else "passed" if "passed" in verdicts else "not possible"
    assert combine(verdicts) == expected
    assert combine(verdicts[::-1]) == expected


def test_a_part_names_the_figure_that_decided_it() -> None:
    passed, failed = judge("utilisation", 1.0, low=0.9), judge("power ratio", 1.0, low=1.3)
    part = conclude_part("telemetry", 3.0, 40, [passed, impossible("SM clock", "any", "hidden"), failed], [])
    assert (part.verdict, part.reason) == ("failed", "power ratio: 1 is not at least 1.3")
    assert conclude_part("telemetry", 3.0, 40, [passed], []).reason == ""
    nothing = conclude_part("telemetry", 3.0, 40, [], [])
    assert (nothing.verdict, nothing.reason) == ("not possible", "it found no figure")


@pytest.mark.long
@given(st.lists(FIGURES))
def test_a_part_that_did_not_end_failed_and_keeps_its_figures(figures: list[Figure]) -> None:
    part = conclude_part("clock", 75.1, 75, figures, [], "it took longer than its 75 s")
    assert (part.verdict, part.reason, list(part.figures)) == ("failed", "it took longer than its 75 s", figures)


@pytest.mark.parametrize("cut", [1, 20])
def test_figures_are_read_again_and_a_line_that_was_cut_short_is_left_out(tmp_path: Path, cut: int) -> None:
    report = PartReport(tmp_path, 10)
    assert read_figures(tmp_path) == []
    figures = [judge("x", 1), impossible("two\nlines\x85", "any", "\u2028"), judge_word("y", "ok", ["invalid"])]
    report.add(*figures)
    with (tmp_path / FIGURES_FILE).open("a") as file:
        file.write(judge("x", 1).model_dump_json()[:cut])
    assert read_figures(tmp_path) == figures
    report.add(judge("z", 2))
    assert read_figures(tmp_path) == [*figures, judge("z", 2)]


def test_what_a_part_leaves_is_named_relative_to_the_result(tmp_path: Path) -> None:
    report = PartReport(tmp_path / "traces", 10)
    report.add(judge("x", 1))
    (report.folder / "torch.json.gz").write_bytes(b"")
    assert kept_files(tmp_path / "traces") == ["traces/torch.json.gz"]
    assert 9 < report.left_s() <= 10
