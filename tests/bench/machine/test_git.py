"""What is read of a git repository, whatever its names look like, and its worktrees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine import git
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.machine.git import Repository
from tests.bench.regression_gate.conftest import Project


def test_the_environment_has_the_commit_and_whether_tracked_files_differ(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    head = project.git("rev-parse", "HEAD")
    project.write(untracked="")
    assert (collect().commit, collect().dirty) == (head, False)
    project.write(nets="")
    assert (collect().commit, collect().dirty) == (head, True)


def test_outside_a_repository_and_before_the_first_commit_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (collect().commit, collect().dirty) == (None, None)
    Project(tmp_path).git("init", "-q")
    assert (collect().commit, collect().dirty) == (None, None)


def test_without_git_there_is_no_commit(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert Repository.find(project.folder) is None
    with pytest.raises(UsageError, match="git is not installed"):
        Repository.of(project.folder)


def test_names_that_are_not_utf_8(project: Project) -> None:
    """Of a folder, a file, a branch and an author."""
    folder = project.folder.rename(project.folder.with_name(os.fsdecode(b"caf\xe9")))
    project = Project(folder)
    project.git("config", "core.quotePath", "false")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.py")).touch()
    project.git("checkout", "-q", "-b", os.fsdecode(b"t\xe9st"))
    project.git("-c", "i18n.commitEncoding=latin-1", "commit", "-q", "--allow-empty", "-m", os.fsdecode(b"na\xefve"))
    repository = Repository.of(folder)
    assert repository.root == folder
    assert repository.untracked() == ["\\udcff.py"]
    assert repository.changes() == []
    assert repository.branch() == "t\\udce9st"
    assert repository.describe("HEAD").isprintable()
    with repository.worktree(repository.resolve("HEAD")) as tree:
        assert (tree / "nets.py").exists()
    assert not tree.exists()
    assert len(project.git("worktree", "list").splitlines()) == 1


def test_git_that_hangs_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "TIMEOUT_S", 0.0)
    with pytest.raises(UsageError, match="git rev-parse did not end within 0 s"):
        Repository.of(project.folder)


def test_a_worktree_goes_away_when_its_use_fails(project: Project) -> None:
    repository = Repository.of(project.folder)
    with pytest.raises(KeyError), repository.worktree(repository.resolve("HEAD")):
        raise KeyError
    assert len(project.git("worktree", "list").splitlines()) == 1
