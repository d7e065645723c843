"""Rows and tables, without any backend."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from typing import Any

import pytest

from anatomy.bench.backends.available import Availability
from anatomy.bench.cli.screens.cross_check_screen import print_cross_check
from anatomy.bench.cross_check import COUNTERS, Row, Subject, Term, counter_table, cross_check
from anatomy.bench.records.case import Backend

ROW = Row("XLA", "1.0", 90, products=80, terms=(Term("padding", -20, "why"), Term("elementwise", 7)), notes=("note",))


def test_row_travels_as_json() -> None:
    assert Row.from_dict(json.loads(json.dumps(asdict(ROW)))) == ROW


def test_what_no_term_accounts_for_is_unexplained() -> None:
    beside = replace(ROW, anatomy=100)
    assert (beside.ratio, beside.unexplained) == (0.9, 3)
    found = beside.to_dict()
    assert found["differences"][0] == {"cause": "padding", "flops": -20, "share": -0.2, "detail": "why"}
    assert (found["unexplained_flops"], found["unexplained_share"]) == (3, 0.03)


def test_nothing_to_divide_by() -> None:
    beside = replace(ROW, anatomy=0)
    assert (beside.ratio, beside.share(7), beside.unexplained) == (None, None, 103)
    assert Row("x", reason="why").to_dict() == {"counter": "x", "version": "", "flops": None, "reason": "why"}


def answers(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def run(*_: Any, **__: Any) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(counter_table, "availability", lambda backend: Availability(backend, True, "9.9", ""))


TRACEBACK = """a warning
Traceback (most recent call last):
  File "model.py", line 1, in build
    raise ValueError
ValueError: no
such   thing
"""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (subprocess.CompletedProcess([], 1, "", TRACEBACK), "ValueError: no such thing"),
        (subprocess.CompletedProcess([], -9, "", "noise"), "killed by signal 9"),
        (subprocess.CompletedProcess([], 3, "", ""), "ended with status 3"),
        (subprocess.TimeoutExpired([], 600), "did not finish within 600 s"),
    ],
)
def test_counter_that_fails_is_a_row_with_its_reason(monkeypatch: pytest.MonkeyPatch, answer: Any, reason: str) -> None:
    answers(monkeypatch, answer)
    found = cross_check(Subject("intro"))
    assert [row.counter for row in found.rows[2:]] == [counter.name for counter in COUNTERS]
    assert {(row.flops, row.reason, row.version) for row in found.rows[2:]} == {(None, reason, "9.9")}


def test_counter_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(backend: Backend) -> Availability:
        return Availability(backend, False, None, f"pip install {backend}")

    monkeypatch.setattr(counter_table, "availability", missing)
    found = cross_check(Subject("intro"))
    assert (found.batch, found.rows[0].flops) == (1, 2 * 7_040)
    assert found.rows[2].reason == "jax is not installed; pip install jax"
    print_cross_check("intro", found)
    assert "torch is not installed" in " ".join(capsys.readouterr().out.split())


def test_printed_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    answers(monkeypatch, subprocess.CompletedProcess([], 0, json.dumps([[asdict(ROW)]]), ""))
    found = cross_check(Subject("lstm:stateful=true,batch_size=32"))
    assert found.batch == 32
    rows = tuple(replace(row, anatomy=100, expected_products=80) for row in found.rows[2:3])
    print_cross_check("mine", replace(found, rows=rows))
    out = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["XLA", "1.0", "90", "90.00", "%", "note"] in out
    assert ["products", "80", "as", "Anatomy", "expects"] in out
    assert ["padding", "-20", "-20.00", "%", "why"] in out
    assert ["unexplained", "+3", "+3.00", "%"] in out
