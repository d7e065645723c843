"""Temporary folders and worktrees are removed at the end, or by the next command where their process was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anatomy.bench.machine.git import Repository
from anatomy.bench.machine.temporary_folders import remove_abandoned, temporary_folder
from tests.bench.regression_gate.conftest import Project, no_worktree_left

HOLDS = """
import sys, time
from pathlib import Path
from anatomy.bench.errors.stop_signals import stop_on_signals
from anatomy.bench.machine.git import Repository
from anatomy.bench.machine.temporary_folders import temporary_folder
stop_on_signals()
try:
    repository = Repository(Path(sys.argv[1]))
    with repository.worktree(repository.resolve("HEAD")), temporary_folder("side"):
        print("there", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@contextmanager
def holding(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """Another process with a worktree and a temporary folder."""
    command = [sys.executable, "-c", HOLDS, str(project.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        yield process


def test_a_folder_goes_at_the_end_and_not_before(place: Path) -> None:
    with temporary_folder("side") as folder:
        (folder / "deep" / "er").mkdir(parents=True)
        assert remove_abandoned() == []
        assert folder.exists()
    assert list(place.iterdir()) == []


def test_what_is_not_known_to_be_abandoned_stays(place: Path) -> None:
    (place / "anatomy-mine").mkdir()
    (place / "anatomy-file").touch()
    (place / "anatomy-link").symlink_to(place / "anatomy-mine")
    assert remove_abandoned() == []
    assert len(list(place.iterdir())) == 3


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.usefixtures("heeds_interrupts")
def test_a_signal_cleans_up(project: Project, place: Path, number: signal.Signals) -> None:
    with holding(project) as process:
        process.send_signal(number)
        if number is not signal.SIGINT:
            process.send_signal(number)
        assert process.wait(timeout=30) == 130
    assert list(place.iterdir()) == []
    assert no_worktree_left(project)


@pytest.mark.process
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_next_removes_what_a_killed_one_left(
    project: Project, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elsewhere: bool
) -> None:
    repository = Repository(project.folder)
    with holding(project) as alive, holding(project) as process:
        process.kill()
        process.wait()
        assert len(list(place.iterdir())) == 4
        if elsewhere:
            # The folder for temporary files may be another one: git knows where the worktrees are.
            (tmp_path / "other").mkdir()
            monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other"))
        with repository.worktree(repository.resolve("HEAD")):
            listed = project.git("worktree", "list").splitlines()
            assert len(listed) == 3
        assert alive.poll() is None
        assert len(list(place.iterdir())) == (3 if elsewhere else 2)
        alive.terminate()
    assert no_worktree_left(project)


@pytest.mark.process
def test_a_worktree_that_git_was_killed_in_is_removed(project: Project, place: Path) -> None:
    repository = Repository(project.folder)
    with holding(project) as process:
        project.git("worktree", "lock", "--reason", "initializing", str(next(place.glob("anatomy-gate-*")) / "base"))
        process.kill()
        process.wait()
    with repository.worktree(repository.resolve("HEAD")):
        assert len(project.git("worktree", "list").splitlines()) == 2
    assert no_worktree_left(project)
