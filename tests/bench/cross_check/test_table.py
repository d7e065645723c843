"""Rows and tables, without any backend."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.backends.available import Availability
from anatomy.bench.cli.screens.cross_check_screen import print_cross_check
from anatomy.bench.cross_check import COUNTERS, Row, Subject, counter_table, cross_check
from anatomy.bench.records.case import Backend

MODELS = Path(__file__).parents[1] / "counting" / "counted_models.py"
ROW = Row("XLA", "1.0", 90, "leaves something out")


def test_published_keys() -> None:
    assert replace(ROW, anatomy=100).to_dict() == {
        "counter": "XLA",
        "version": "1.0",
        "flops": 90,
        "ratio": 0.9,
        "notes": ["leaves something out"],
    }
    # Equal figures need no explanation, and nothing is divided by 0.
    assert replace(ROW, anatomy=90).to_dict()["notes"] == []
    assert replace(ROW, anatomy=0).ratio is None
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
    assert [row.counter for row in found.rows[1:]] == [counter.name for counter in COUNTERS]
    assert {(row.flops, row.reason, row.version) for row in found.rows[1:]} == {(None, reason, "9.9")}


def test_counter_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(backend: Backend) -> Availability:
        return Availability(backend, False, None, f"pip install {backend}[all]")

    monkeypatch.setattr(counter_table, "availability", missing)
    found = cross_check(Subject("intro"))
    assert (found.batch, found.rows[0].flops) == (1, 2 * 7_040)
    assert found.rows[1].reason == "jax is not installed; pip install jax[all]"
    print_cross_check("intro", found)
    assert "torch is not installed; pip install torch[all]" in " ".join(capsys.readouterr().out.split())


def test_a_lower_bound_is_no_figure_to_compare_with(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, subprocess.CompletedProcess([], 0, json.dumps([[asdict(ROW)]]), ""))
    own, other, *_ = cross_check(Subject(f"{MODELS}:values_of_the_backend")).rows
    assert (own.flops, own.anatomy) == (None, None)
    # Keras numbers the layers of a process.
    assert re.match(r"not known, ≥ 40: own(_\d+)? \(Own\) is not counted: ", own.note)
    assert own.to_dict()["reason"] == own.note
    assert (other.flops, other.ratio, other.note) == (90, None, "leaves something out")


def test_printed_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    answers(monkeypatch, subprocess.CompletedProcess([], 0, json.dumps([[asdict(ROW)]]), ""))
    found = cross_check(Subject("lstm:stateful=true,batch_size=32"))
    assert found.batch == 32
    print_cross_check("mine", replace(found, rows=(replace(found.rows[1], anatomy=100),)))
    out = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["XLA", "1.0", "90", "90.00", "%", "leaves", "something", "out"] in out
