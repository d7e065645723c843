"""The gate as a call, with scripted pairs in place of processes: cases, verdicts, results, and what goes wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.cli.commands.gate import exit_code
from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_request import GateRequest, result_folder
from anatomy.bench.regression_gate.gate_result import PAIRS_FILE, RESULT_FILE, GateResult
from anatomy.bench.regression_gate.gate_session import PAIRS_SHARE, GateSession
from anatomy.bench.regression_gate.inventory import Selection
from anatomy.bench.regression_gate.paired_comparison import PairedComparison
from anatomy.bench.regression_gate.resolve_sides import parse_base
from anatomy.bench.regression_gate.run_gate import run_gate
from anatomy.bench.regression_gate.side_workers import SideWorkers
from anatomy.bench.suites.suite import Axes
from tests.bench.regression_gate.conftest import STEP_ALONE, Project, Script, no_worktree_left

AXES = Axes(backend=("jax",), mode=("infer",))
Ask = Callable[..., GateRequest]


@pytest.fixture
def ask(project: Project, tmp_path: Path) -> Ask:
    """A request for cases of the project against its HEAD."""

    def make(models: Sequence[str] = ("nets.py:net",), suite: str | None = None, **more: Any) -> GateRequest:
        fields: dict[str, Any] = {
            "base": parse_base("HEAD"),
            "directory": project.folder,
            "selection": Selection(models, suite, AXES),
            "tolerate": STEP_ALONE,
            "out": tmp_path / "gate",
        }
        return GateRequest(**(fields | more))

    return make


def test_identical_code_passes(script: Script, ask: Ask, project: Project) -> None:
    request = ask(command=["anatomy", "gate"])
    result = run_gate(request)
    assert (result.verdict, exit_code(result)) == ("PASS", 0)
    assert GateResult.model_validate_json((request.out / RESULT_FILE).read_text()) == result
    lines = [json.loads(line) for line in (request.out / PAIRS_FILE).read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(script.pairs))
    assert {line["key"] for line in lines} == {result.cases[0].case.key}
    assert result.cases[0].pairs == script.pairs == 4
    assert (result.id, result.suite, result.command) == ("gate", "command line", ["anatomy", "gate"])
    assert no_worktree_left(project)


@pytest.mark.long
def test_slower_code_fails(script: Script, ask: Ask) -> None:
    script.slower = 1.2
    result = run_gate(ask())
    (case,) = result.cases
    assert (result.verdict, exit_code(result)) == ("FAIL", 1)
    assert case.reason == "step +20.0%"
    assert case.not_explained == "a scripted process has no profile"
    assert exit_code(run_gate(ask(tolerate=STEP_ALONE | {"step": "30%"}, out=Path("other")))) == 0


@pytest.mark.long
@pytest.mark.parametrize("out", [None, "results", "deep/er/results", "anatomy-runs/mine"])
def test_what_a_gate_leaves_is_no_reason_against_the_next(
    script: Script, ask: Ask, project: Project, monkeypatch: pytest.MonkeyPatch, out: str | None
) -> None:
    project.commit(**{".gitignore": ""})
    monkeypatch.chdir(project.folder)
    for number in (1, 2):
        result = run_gate(ask(out=result_folder(f"{out}{number}" if out else None)))
        assert (result.verdict, result.notes) == ("PASS", [])
        assert project.git("status", "--porcelain") == ""


@pytest.mark.long
def test_a_folder_of_the_users_own_is_not_hidden_from_git(
    script: Script, ask: Ask, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    run_gate(ask(out=project.folder))
    assert "gate.json" in project.git("status", "--porcelain")


def test_a_name_that_neither_side_has_is_a_mistake(monkeypatch: pytest.MonkeyPatch, ask: Ask, project: Project) -> None:
    monkeypatch.setattr(SideWorkers, "missing_models", lambda workers, cases: {"nets.py:tpyo": "there is no tpyo"})
    monkeypatch.setattr("anatomy.bench.regression_gate.run_gate.require_models", lambda cases, directory: ())
    with pytest.raises(UsageError, match=r"nets\.py:tpyo is on neither side: there is no tpyo"):
        run_gate(ask(("nets.py:tpyo",)))
    assert no_worktree_left(project)


def test_a_side_that_fails_is_an_error(script: Script, ask: Ask) -> None:
    script.error = SetupError("candidate (HEAD): crashed: boom")
    result = run_gate(ask())
    assert (result.cases[0].verdict, result.cases[0].reason) == ("ERROR", "candidate (HEAD): crashed: boom")
    assert exit_code(result) == 4


def test_a_fork_server_that_does_not_start_is_an_error_of_each_case(
    script: Script, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(comparison: PairedComparison, cases: Sequence[Case]) -> None:
        raise SetupError("base: the jax fork server ended with status 1")

    monkeypatch.setattr(PairedComparison, "missing", fail)
    result = run_gate(ask(["nets.py:net", "nets.py:net:layers=2"]))
    assert [(case.verdict, case.reason) for case in result.cases] == [
        ("ERROR", "base: the jax fork server ended with status 1")
    ] * 2


@pytest.mark.long
def test_time_that_is_up_is_inconclusive(script: Script, ask: Ask) -> None:
    result = run_gate(ask(minutes=1e-9))
    assert (result.cases[0].reason, exit_code(result)) == ("no time was left for it", 3)
    assert script.pairs == 0


@pytest.mark.long
def test_the_project_s_minutes_hold_unless_others_are_given(script: Script, ask: Ask, project: Project) -> None:
    project.commit(**{"pyproject.toml": "[tool.anatomy.gate]\nminutes = 1e-9\n"})
    assert run_gate(ask()).verdict == "INCONCLUSIVE"
    assert run_gate(ask(minutes=10.0, out=Path("other"))).verdict == "PASS"


@pytest.mark.long
def test_what_no_side_can_run_is_inconclusive(script: Script, ask: Ask) -> None:
    axes = Axes(backend=("openvino",), mode=("train",))
    result = run_gate(ask(selection=Selection(["nets.py:net"], None, axes)))
    assert result.cases[0].reason.startswith("skipped: ")
    assert exit_code(result) == 3


@pytest.mark.long
def test_modes_that_the_gate_does_not_compare(script: Script, ask: Ask) -> None:
    axes = Axes(backend=("jax",), mode=("fit",))
    result = run_gate(ask(selection=Selection(["nets.py:net"], None, axes)))
    assert result.cases[0].reason == "fit: the gate compares the compiled step; use --mode train or infer"
    assert exit_code(result) == 4


@pytest.mark.long
def test_a_new_case_fails_unless_it_is_let_through(script: Script, ask: Ask) -> None:
    key = ask().selection.cases(Path())[0].key
    script.missing = {key: ("base", "ValueError: no file nets.py")}
    result = run_gate(ask())
    assert exit_code(result) == 1
    assert result.cases[0].reason == (
        "missing on the base: ValueError: no file nets.py;"
        " --allow-new lets a new case through (pytest: --anatomy-allow-new)"
    )
    allowed = run_gate(ask(allow_new=True, out=Path("other")))
    assert ([case.verdict for case in allowed.cases], exit_code(allowed)) == (["NEW"], 5)


@pytest.mark.long
def test_a_case_that_is_missing_on_the_candidate_fails_always(script: Script, ask: Ask) -> None:
    key = ask().selection.cases(Path())[0].key
    script.missing = {key: ("candidate", "ValueError: no file nets.py")}
    result = run_gate(ask(allow_new=True))
    assert (exit_code(result), result.cases[0].reason) == (
        1,
        "missing on the candidate: ValueError: no file nets.py",
    )


SUITE = """
[tool.anatomy.suites.ci]
backend = "jax"
mode = "infer"
tolerate = {{ parameters = "any", flops = "any", outputs = "any", step = "{step}" }}
matrix = [{{ model = {models} }}]
"""


def suite(step: str = "2%", models: Sequence[str] = ("nets.py:net",)) -> dict[str, str]:
    return {"pyproject.toml": SUITE.format(step=step, models=list(models))}


@pytest.mark.long
def test_a_case_that_is_gone_from_the_suite_fails(script: Script, ask: Ask, project: Project) -> None:
    project.commit(**suite(models=["nets.py:net", "nets.py:net:layers=2"]))
    project.commit(**suite())
    result = run_gate(ask([], "ci", base=parse_base("HEAD~1"), tolerate={}))
    assert exit_code(result) == 1
    assert {case.name: (case.verdict, case.reason) for case in result.cases} == {
        "nets.py:net infer jax b32": ("PASS", ""),
        "nets.py:net:layers=2 infer jax b32": (
            "FAIL",
            "missing on the candidate: in the base's suite ci, not in the candidate's",
        ),
    }


@pytest.mark.long
def test_the_suite_s_rules_hold_and_the_request_s_win(script: Script, ask: Ask, project: Project) -> None:
    script.slower = 1.2
    project.commit(**suite(step="30%"))
    assert run_gate(ask([], "ci", tolerate={})).verdict == "PASS"
    assert run_gate(ask([], "ci", tolerate={"step": "2%"}, out=Path("other"))).verdict == "FAIL"


@pytest.mark.long
def test_a_table_that_differs_in_the_base_is_noted(script: Script, ask: Ask, project: Project) -> None:
    project.commit(**{"pyproject.toml": '[tool.anatomy.gate]\ntolerate = { step = "9%" }\n'})
    request = ask(base=parse_base("HEAD~1"))
    assert run_gate(request).notes == [
        "pyproject.toml [tool.anatomy.gate] is not the same in the base; the candidate's was used."
    ]


@pytest.mark.long
def test_a_folder_with_a_comparison_is_not_written_to(script: Script, ask: Ask) -> None:
    run_gate(ask())
    with pytest.raises(UsageError, match="already holds a comparison"):
        run_gate(ask())


@pytest.mark.long
def test_items_are_judged_one_by_one_in_one_session(script: Script, ask: Ask) -> None:
    request = ask(selection=None)
    (case,) = ask().selection.cases(request.directory)
    with GateSession(request) as session:
        assert session.results == []
        script.slower = 1.2
        (failed,) = session.judge([case], item="t.py::test_a")
        (passed,) = session.judge([case], item="t.py::test_b", tolerate={"step": "30%"})
        with pytest.raises(UsageError, match=r"t\.py::test_c: tolerate: unknown metric"):
            session.judge([case], item="t.py::test_c", tolerate={"stpe": "30%"})
        result = session.finish()
    assert (failed.verdict, passed.verdict) == ("FAIL", "PASS")
    assert [case.item for case in result.cases] == ["t.py::test_a", "t.py::test_b"]
    assert result.suite == "pytest"


@pytest.mark.long
def test_pairs_leave_time_to_explain(script: Script, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []

    def asked(share: float) -> bool:
        left.append(share)
        return True

    monkeypatch.setattr("anatomy.bench.regression_gate.gate_session._clock", lambda minutes: asked)
    request = ask()
    with GateSession(request) as session:
        session.judge(request.selection.cases(request.directory))
    assert left
    assert max(left) <= PAIRS_SHARE < 1


@pytest.mark.long
def test_text_that_is_not_utf_8_is_printable_in_the_result(script: Script, ask: Ask) -> None:
    odd = os.fsdecode(b"caf\xe9")
    request = ask(candidate=[f"env:NAME={odd}"], command=["anatomy", odd], out=Path(odd))
    with GateSession(request) as session:
        session.judge(request.selection.cases(request.directory), item=f"t.py::test[{odd}]")
        result = session.finish()
    assert GateResult.model_validate_json((request.out / RESULT_FILE).read_text()) == result
    assert result.id == result.command[1] == result.candidate.environment["NAME"] == "caf\\udce9"
    assert result.cases[0].item == "t.py::test[caf\\udce9]"


def test_nothing_stays_behind_when_the_set_up_fails(
    ask: Ask, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("anatomy.bench.regression_gate.gate_session.PairedComparison", fail)
    with pytest.raises(OSError, match="No space left"):
        run_gate(ask())
    assert no_worktree_left(project)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
