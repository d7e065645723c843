"""Each form of a gate's result, from results made by hand with every verdict and awkward text."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sarif_pydantic import Sarif

from anatomy.bench.cli.screens.gate_screen import print_result
from anatomy.bench.profiling.explanation import Change, Explanation
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_result import (
    CaseResult,
    CaseVerdict,
    GateResult,
    MetricResult,
)
from anatomy.reports.gate import explanation_sentences, gate_summary, publish_on_github, write_gate_reports
from anatomy.reports.gate.gate_comment import MOST_ROWS, render_gate_markdown
from anatomy.reports.gate.gate_page import render_gate_html
from anatomy.reports.gate.gate_rows import contradiction, deciding_figures
from anatomy.reports.gate.github import workflow_commands
from anatomy.reports.gate.junit import render_junit
from anatomy.reports.gate.sarif import render_sarif
from tests.factories import make_case_result, make_gate_result, make_step_metric

AWKWARD = "<b>&amp; | `x` \x00\x1b[31m % ::error::\nnext, line: ]]>"
VERDICTS: tuple[CaseVerdict, ...] = ("PASS", "FAIL", "INCONCLUSIVE", "ERROR", "NEW")


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (VERDICTS, "FAIL"),
        (("PASS", "ERROR", "INCONCLUSIVE"), "ERROR"),
        (("PASS", "INCONCLUSIVE", "NEW"), "INCONCLUSIVE"),
        (("PASS", "NEW"), "PASS"),
        (("NEW",), None),
        ((), None),
    ],
)
def test_the_worst_case_decides(verdicts: tuple[CaseVerdict, ...], whole: str | None) -> None:
    result = make_gate_result(*(make_case_result(verdict, number) for number, verdict in enumerate(verdicts)))
    assert result.verdict == whole
    assert gate_summary(result).startswith(whole or "Nothing was compared")


@pytest.mark.parametrize("reason", ["step +12.0%", AWKWARD])
def test_every_form_names_every_case(tmp_path: Path, reason: str) -> None:
    result = make_gate_result(
        *(make_case_result(verdict, n, reason) for n, verdict in enumerate(VERDICTS)), notes=[reason]
    )
    files = write_gate_reports(result, tmp_path)
    for name, path in files.items():
        text = path.read_text()
        wanted = [case for case in result.cases if not (name == "gate.sarif" and case.verdict == "PASS")]
        assert all(case.name.split()[0].split(":")[1] in text for case in wanted), name
    ElementTree.parse(files["junit.xml"])
    json.loads(files["gate.sarif"].read_text())
    assert "<b>&amp;" not in files["gate.html"].read_text()


def test_junit_counts_what_is_not_known_as_an_error() -> None:
    cases = [make_case_result(verdict, number) for number, verdict in enumerate(VERDICTS)]
    suite = ElementTree.fromstring(render_junit(make_gate_result(*cases))).find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
    }
    children = [[child.tag for child in case] for case in suite.findall("testcase")]
    assert children == [
        ["system-out"],
        ["failure", "system-out"],
        ["error", "system-out"],
        ["error", "system-out"],
        ["skipped", "system-out"],
    ]
    failure = suite.findall("testcase")[1].find("failure")
    assert failure is not None
    assert failure.text is not None
    assert "FAIL step time: 10 ms → 11.2 ms, +12.0 % [+9.0 … +15.0 %], tolerated 2 % (5 %)" in failure.text


def test_sarif_has_a_result_for_each_case_that_did_not_pass() -> None:
    cases = [make_case_result(verdict, number) for number, verdict in enumerate(VERDICTS)]
    text = render_sarif(make_gate_result(*cases))
    log = json.loads(text)
    # A field that the standard does not have would not come back.
    assert json.loads(Sarif.model_validate_json(text).model_dump_json(by_alias=True, exclude_none=True)) == log
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [(found["ruleId"], found["level"]) for found in run["results"]] == [
        ("regression", "error"),
        ("not-known", "warning"),
        ("not-measured", "error"),
        ("new-case", "note"),
    ]
    assert all(found["ruleId"] in rules for found in run["results"])
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "nets.py"


def test_a_model_of_the_zoo_is_annotated_at_the_projects_configuration() -> None:
    case = make_case_result("FAIL").model_copy(update={"case": Case(model="mlp")})
    assert workflow_commands(make_gate_result(case))[0].startswith("::error file=pyproject.toml,")


@given(st.text(max_size=40))
def test_a_workflow_command_is_one_line_whatever_the_reason(reason: str) -> None:
    (line,) = workflow_commands(make_gate_result(make_case_result("FAIL", reason=reason)))
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("::error file=nets.py,title=FAIL nets.py%3Anet0 train jax b8::")


@given(st.text(max_size=40))
def test_junit_is_xml_whatever_the_reason(reason: str) -> None:
    ElementTree.fromstring(render_junit(make_gate_result(make_case_result("ERROR", reason=reason))))


def test_github_gets_its_summary_and_annotations_only_there(tmp_path: Path) -> None:
    result = make_gate_result(make_case_result("FAIL"), make_case_result("PASS", 1))
    assert publish_on_github(result, {}) == []
    summary = tmp_path / "summary"
    summary.write_text("before\n")
    lines = publish_on_github(result, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert len(lines) == 1
    assert summary.read_text().startswith("before\n### ❌ Anatomy: FAIL")


def test_the_comment_shows_what_failed_first_and_stays_a_comment() -> None:
    many = [make_case_result("PASS", number) for number in range(400)]
    text = render_gate_markdown(make_gate_result(*many, make_case_result("FAIL", 999)))
    rows = [line for line in text.splitlines() if line.startswith(("| ✅", "| ❌"))]
    assert len(rows) == MOST_ROWS
    assert "net999" in rows[0]
    assert "341 more cases" in text
    assert len(text) < 65536
    assert "- step time: 10 ms → 11.2 ms, +12.0 % \\[+9.0 … +15.0 %\\], tolerated 2 % (5 %)" in text


def test_the_page_draws_each_pair() -> None:
    page = render_gate_html(make_gate_result(make_case_result("FAIL")))
    assert page.count('class="screening"') == page.count('class="confirmation"') == 4
    assert "jit differs: True → False" in page


def test_the_verdict_names_the_figure_that_decided_it() -> None:
    case = make_case_result("FAIL")
    assert deciding_figures(case) == "step time"
    undecided = make_step_metric("INCONCLUSIVE")
    larger = MetricResult(metric="parameters", verdict="FAIL", base=10, candidate=12, change=0.2, tolerated=0.0)
    of_parameters = case.model_copy(update={"metrics": [undecided, larger]})
    assert deciding_figures(of_parameters) == "parameters"
    assert "<td>parameters</td>" in render_gate_html(make_gate_result(of_parameters))
    assert deciding_figures(make_case_result("PASS")) == ""


@pytest.mark.parametrize(
    ("candidate", "change", "said"),
    [(0.8, 0.15, True), (1.2, -0.15, True), (1.2, 0.15, False), (0.995, 0.01, False), (1.0, 0.15, False)],
)
def test_medians_that_contradict_the_change_are_explained(candidate: float, change: float, said: bool) -> None:
    metric = make_step_metric("FAIL").model_copy(update={"base": 1.0, "candidate": candidate, "change": change})
    assert bool(contradiction(metric)) == said
    case = make_case_result("FAIL").model_copy(update={"metrics": [metric]})
    for text in (render_gate_html(make_gate_result(case)), render_gate_markdown(make_gate_result(case))):
        assert ("medians mix pairs of quiet and of busy moments" in text) == said


def explained_case() -> CaseResult:
    changes = [
        Change(name="block3_conv2", type="Conv2D", before=0.004, after=0.0048, share=0.67, notes=["12 more transpose"]),
        Change(name="(launching on the host)", before=0.001, after=0.0014, share=0.33),
        Change(name="dense", type="Dense", before=0.005, after=0.005, share=0.0),
    ]
    kinds = [Change(name="convolution", before=0.009, after=0.0098, share=0.67)]
    explanation = Explanation(
        before="base", after="candidate", before_step=0.01, after_step=0.0112, layers=changes, kinds=kinds
    )
    return make_case_result("FAIL").model_copy(update={"explanation": explanation})


def test_every_report_says_which_layers_account_for_it() -> None:
    result = make_gate_result(explained_case())
    for text in (render_gate_html(result), render_gate_markdown(result), render_junit(result), render_sarif(result)):
        plain = text.replace("\\", "")
        assert "block3_conv2: 67% of the change; 12 more transpose" in plain
        assert "dense:" not in plain
        assert "By kind of work: convolution +67%" in plain


@pytest.mark.parametrize("verdict", ["PASS", "FAIL"])
def test_what_was_changed_in_the_model_is_always_said(
    verdict: CaseVerdict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["dec1: kernel_size 3×3 → 5×5", "+ bn (BatchNormalization)"]
    case = make_case_result(verdict).model_copy(update={"structure": changes})
    result = make_gate_result(case)
    print_result(Console(width=200), result, tmp_path)
    for text in (capsys.readouterr().out, render_gate_markdown(result), render_gate_html(result)):
        plain = text.replace("<wbr>", "").replace("\\", "")
        assert "The model was changed: dec1: kernel_size 3×3 → 5×5; + bn (BatchNormalization)" in plain


def test_what_is_not_explained_says_why() -> None:
    case = make_case_result("FAIL").model_copy(update={"not_explained": "no time was left to profile it"})
    assert explanation_sentences(case) == ["Which layers account for it is not known: no time was left to profile it."]
    assert explanation_sentences(make_case_result("PASS")) == []


def test_a_result_is_read_back() -> None:
    result = make_gate_result(*(make_case_result(verdict, number) for number, verdict in enumerate(VERDICTS)))
    assert GateResult.model_validate_json(result.model_dump_json()) == result
