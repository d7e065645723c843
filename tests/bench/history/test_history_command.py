"""`anatomy history`, and the runs that go there by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.history.history_store import History
from anatomy.bench.history.keep_run import branch_of, keep_run, project_of
from anatomy.bench.records.run_store import new_run_id
from tests.bench.history.conftest import numbered_run, record_at
from tests.bench.regression_gate.conftest import Project
from tests.command import anatomy
from tests.factories import make_record, make_run


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    monkeypatch.setenv("ANATOMY_HISTORY", url)
    return url


@pytest.mark.backends
def test_a_run_goes_there_by_itself(tmp_path: Path, db: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    short = ("--backend", "jax", "--mode", "infer", "--seconds", "0.1", "--no-report", "-q")
    done = anatomy("run", "mlp", *short, "--out", "run", folder=tmp_path)
    assert done.code == 0, done.err
    shown = anatomy("history", "show", "mlp", "--json", folder=tmp_path)
    (trend,) = shown.result
    assert trend["name"] == "mlp infer jax b32"
    assert len(trend["points"]) == 1
    assert anatomy("run", "mlp", *short, "--out", "other", "--no-history", folder=tmp_path).code == 0
    assert anatomy("history", "add", "run", folder=tmp_path).code == 0
    with History(db) as history:
        assert [row["run_id"] for row in history.runs("mine")] == [row["run_id"] for row in history.runs("mine")][:1]


def test_a_history_that_cannot_be_written_costs_the_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANATOMY_HISTORY", "nonsense")
    assert keep_run(tmp_path, tmp_path).startswith("not in the history: 'nonsense' is no URL")
    monkeypatch.setenv("ANATOMY_HISTORY", "off")
    assert keep_run(tmp_path, tmp_path) == ""


@pytest.mark.long
def test_since_when_is_it_slow(tmp_path: Path, db: str) -> None:
    with History(db) as history:
        for number in range(16):
            history.add(numbered_run(number, [record_at(0.010 if number < 8 else 0.013)]), "mine", "main")
    shown = anatomy("history", "show", "mlp", "train", "--project", "mine", folder=tmp_path)
    assert shown.code == 0, shown.err
    assert "+30.0%" in shown.out
    assert "10 ms → 13 ms, in 0000000007..0000000008" in shown.out
    listed = anatomy("history", "runs", "--project", "mine", folder=tmp_path)
    assert listed.out.count("main") == 16
    written = anatomy("history", "report", "--project", "mine", "--out", "page.html", folder=tmp_path)
    assert written.code == 0
    assert (tmp_path / "page.html").read_text().count('class="drawing"') == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "--project", "yours"), "has no project 'yours'; it has mine"),
        (("show", "vgg", "--project", "mine"), "no case vgg with step_s"),
        (("show", "--figure", "steps", "--project", "mine"), "unknown figure 'steps'"),
        (("add", "nowhere"), "nowhere holds no run"),
        (("remove", "run-00", "--project", "mine"), "unknown run 'run-00'; expected one of run-000; did you mean"),
        (("remove", "run-000", "--project", "yours"), "has no project 'yours'"),
        (("show", "--db", "nonsense"), "is no URL of a database"),
    ],
)
def test_what_cannot_be_shown(tmp_path: Path, db: str, arguments: tuple[str, ...], said: str) -> None:
    with History(db) as history:
        history.add(numbered_run(0), "mine")
    done = anatomy("history", *arguments, folder=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_bad_run_does_not_stay_for_ever(tmp_path: Path, db: str) -> None:
    with History(db) as history:
        for number in range(2):
            history.add(numbered_run(number), "mine")
    assert "run-001" in anatomy("history", "runs", "--project", "mine", folder=tmp_path).out
    done = anatomy("history", "remove", "run-001", "--project", "mine", folder=tmp_path)
    assert (done.code, done.out) == (0, f"run-001: removed from {db}\n")
    assert "run-001" not in anatomy("history", "runs", "--project", "mine", folder=tmp_path).out


def test_the_project_and_the_branch(project: Project, tmp_path: Path) -> None:
    assert project_of(project.folder) == "project"
    assert branch_of(project.folder, {}) == "main"
    project.git("checkout", "-q", "--detach")
    assert branch_of(project.folder, {"GITHUB_REF_NAME": "topic"}) == "topic"
    assert branch_of(project.folder, {}) is None
    (project.folder / "pyproject.toml").write_text('[project]\nname = "named"\n')
    assert project_of(project.folder) == "named"
    assert branch_of(tmp_path, {}) is None


def test_an_id_is_listed_as_other_commands_take_it(tmp_path: Path, db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    identifier = new_run_id()
    made = make_run(tmp_path / "made", [make_record()], identifier=identifier, commit="0" * 40)
    with History(db) as history:
        history.add(made, "mine", "a-branch-with-a-long-name-that-has-no-room-here")
    listed = anatomy("history", "runs", "--project", "mine", folder=tmp_path).out
    assert identifier in listed
    assert max(map(len, listed.splitlines())) <= 80
