"""What `anatomy gate` prints and exits with, without a process: verdicts, refusals, and faults that are no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.cli.commands.gate import exit_code
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_result import CaseVerdict, GateResult, SideInfo, unmeasured_case
from tests.bench.regression_gate.conftest import Project, no_worktree_left
from tests.command import Done, anatomy

CASE = ("nets.py:net", "--backend", "jax", "--mode", "infer")
RUN_GATE = "anatomy.bench.regression_gate.run_gate.run_gate"


@pytest.fixture(autouse=True)
def _in_the_project(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "logs"))


def gate(*arguments: str) -> Done:
    return anatomy("gate", *arguments, folder=Path())


def result_of(*verdicts: CaseVerdict) -> GateResult:
    return GateResult(
        id="x",
        started_at="2026-01-01T00:00:00+00:00",
        command=[],
        suite="x",
        base=SideInfo(name="base", what="HEAD~1", python="python"),
        candidate=SideInfo(name="candidate", what="HEAD", python="python"),
        environment=collect_environment.collect(),
        cases=[unmeasured_case(Case(model="mlp"), verdict, "why") for verdict in verdicts],
    )


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["PASS", "NEW"], 0),
        (["PASS", "INCONCLUSIVE"], 3),
        (["ERROR", "INCONCLUSIVE", "PASS"], 4),
        (["ERROR", "FAIL", "PASS"], 1),
        (["NEW"], 5),
        ([], 5),
    ],
)
def test_the_worst_verdict_decides(verdicts: list[CaseVerdict], code: int) -> None:
    assert exit_code(result_of(*verdicts)) == code


def test_a_result_is_printed_and_written_in_every_form(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(RUN_GATE, lambda request, listener: result_of("FAIL"))
    done = gate(*CASE, "--against", "HEAD", "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "FAIL mlp train tensorflow b32: why" in done.out
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"gate.html", "gate.md", "junit.xml", "gate.sarif"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--against", "nowhere"), "no revision 'nowhere'"),
        (("--against", "run:nowhere"), "nowhere holds no run"),
        ((), "name a base with --against"),
        (("--against", "HEAD", "--tolerate", "stpe=1%"), "did you mean 'step'"),
        (("--against", "HEAD", "--minutes", "-5"), "minutes: expected a number above 0, got -5"),
        (("--against", "HEAD", "--minutes", "nan"), "minutes: expected a number above 0, got nan"),
        (("--against", "HEAD", "--memory-limit", "much"), "expected a number with"),
    ],
)
def test_what_cannot_be_compared_is_2(project: Project, arguments: tuple[str, ...], said: str) -> None:
    done = gate(*CASE, *arguments)
    assert (done.code, said in done.err) == (2, True), done.err
    assert done.err.startswith("anatomy gate: ")
    assert no_worktree_left(project)
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["tool = 3", "tool.anatomy = 3", '[tool.anatomy.gate]\nminutes = "x"', "[tool"])
def test_a_wrong_configuration_is_2(project: Project, text: str) -> None:
    project.commit(**{"pyproject.toml": text})
    done = gate(*CASE, "--against", "HEAD")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "pyproject.toml" in done.err


def test_an_empty_selection_is_5(project: Project) -> None:
    suite = '[tool.anatomy.suites.ci]\nmatrix = [{ model = "nets.py:net" }]\nbackend = "jax"\n'
    project.commit(**{"pyproject.toml": suite + 'exclude = [{ backend = "jax" }]\n'})
    done = gate("--suite", "ci", "--against", "HEAD")
    assert done.code == 5
    assert "nothing compared: suite ci: no case is left" in done.err
    assert no_worktree_left(project)


def test_a_result_that_cannot_be_written_is_2(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = gate(*CASE, "--against", "HEAD", "--out", str(tmp_path / "file" / "below"))
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "Not a directory" in done.err
    assert no_worktree_left(project)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SetupError("the base could not be set up"), 4, "the base could not be set up"),
        (OSError(28, "No space left on device", "x/gate.json"), 2, "x/gate.json: No space left on device"),
        (RuntimeError("a fault"), 4, "RuntimeError: a fault; the traceback is in "),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"), 4, "the traceback is in "),
    ],
)
def test_no_exception_is_a_regression(monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, said: str) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(RUN_GATE, fail)
    done = gate(*CASE, "--against", "HEAD")
    assert (done.code, said in done.err) == (code, True), done.err
