"""Names that a page, a spreadsheet, a terminal or GitHub would take for more than text are text in every format."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.records.run_store import RECORDS_FILE
from anatomy.reports import write_report
from anatomy.reports.gate.gate_comment import render_gate_markdown
from anatomy.reports.gate.junit import render_junit
from anatomy.reports.report_markdown import escape
from tests.command import anatomy
from tests.factories import make_case_result, make_gate_result, make_record, make_run

FORMULAS = ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://example.com")']
CONTROLS = ["a\x1b[31mred", "a\x00b", "\x9b2J", "right\u202eleft", "bell\x07", "line\u2028line", "\ud800"]


@pytest.mark.long
@pytest.mark.parametrize("reason", FORMULAS)
def test_no_cell_of_csv_is_a_formula(tmp_path: Path, reason: str) -> None:
    run = make_run(tmp_path / "run", [make_record("mlp", outcome="crashed", reason=reason, name=reason)])
    cells = [
        cell
        for path in write_report([run.path], ["csv"], tmp_path / "out")
        for row in csv.reader(path.read_text().splitlines())
        for cell in row
    ]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "-2"))]
    assert any(cell.startswith("'") for cell in cells)


@pytest.mark.parametrize("name", ["@team", "cc @octo/core, please", "a@b"])
def test_nobody_is_mentioned(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run", [make_record("mlp", outcome="crashed", reason=name, name=name)])
    (report,) = write_report([run.path], ["md"], tmp_path)
    comment = render_gate_markdown(make_gate_result(make_case_result("FAIL").model_copy(update={"reason": name})))
    for text in (report.read_text(), comment):
        assert "@" in text
        assert "@" not in text.replace("@\u200b", "")


@pytest.mark.long
@pytest.mark.parametrize("text", CONTROLS)
def test_control_characters_of_a_stored_run_are_shown_as_escapes(tmp_path: Path, text: str) -> None:
    run = make_run(tmp_path / "run", [make_record("mlp", outcome="crashed", reason="why")])
    file = run.path / RECORDS_FILE
    stored = json.loads(file.read_text()) | {"reason": text, "name": f"mlp {text}"}
    file.write_text(json.dumps(stored) + "\n")
    written = write_report([run.path], ["html", "md", "csv"], tmp_path / "out")
    compared = anatomy("compare", str(run.path), str(run.path), folder=tmp_path)
    for shown in (*(path.read_text() for path in written), compared.out + compared.err):
        assert text not in shown
        assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl") and c not in "\n\t\r"]


@given(text=st.text())
def test_markdown_has_no_control_characters(text: str) -> None:
    # A space that does not break is no control character, and the empty space is the one that `escape` puts in.
    assert not [c for c in escape(text) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\u200b"]


@settings(deadline=None)
@given(text=st.text(st.characters()))
def test_junit_is_xml_whatever_the_model_is_called(text: str) -> None:
    case = make_case_result("FAIL")
    named = case.model_copy(update={"case": case.case.model_copy(update={"model": text}), "name": text, "reason": text})
    result = make_gate_result(named).model_copy(update={"suite": text})
    assert len(list(ElementTree.fromstring(render_junit(result).partition("?>")[2]).iter("testcase"))) == 1
