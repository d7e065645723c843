"""Turn `--against` and `--candidate` into two measurable sides; clean up on exit."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.machine.git import Repository
from anatomy.bench.machine.pyproject import read_pyproject
from anatomy.bench.machine.temporary_folders import remove_abandoned, temporary_folder
from anatomy.bench.records.run_store import RECORDS_FILE, RUN_FILE
from anatomy.bench.regression_gate.gate_result import SideName
from anatomy.bench.regression_gate.inject_anatomy import examine_interpreter, inject_anatomy
from anatomy.bench.regression_gate.overlay_venv import dependencies_differ, overlay_venv, requirements_of
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.regression_gate.work_tree import work_tree_changes
from anatomy.bench.runner.import_origin import Origin

Kind = Literal["revision", "python", "run", "same"]
OWN_NAME = "keras-anatomy"
SHOWN_CHANGES = 5


@dataclass(frozen=True)
class Base:
    """What `--against` names: its kind, and the revision, interpreter or folder."""

    kind: Kind
    value: str


def parse_base(against: str | None) -> Base:
    """Read `--against`: `python:PATH`, `run:FOLDER`, `git:REVISION`, else the folder of a run or a revision.

    None is the working tree.
    """
    if against is None:
        return Base("same", "")
    for prefix, kind in (("python:", "python"), ("run:", "run"), ("git:", "revision")):
        if against.startswith(prefix):
            return Base(kind, against.removeprefix(prefix))  # type: ignore[arg-type]  # mypy widens the literals
    folder = Path(against)
    holds_run = (folder / RUN_FILE).exists() or (folder / RECORDS_FILE).exists()
    return Base("run" if holds_run else "revision", against)


@contextmanager
def resolve_sides(
    base: Base, candidate_settings: Sequence[str], directory: Path, allow_dirty: bool, install: Sequence[str] | None
) -> Iterator[tuple[Side, Side]]:
    """Set up base and candidate; everything made for them is removed at the end.

    Args:
        base: what is compared with, but for a stored run.
        candidate_settings: as for `Side.with_settings`.
        directory: of the candidate: the working tree, or a folder in it.
        allow_dirty: compare a working tree that differs from its commit.
        install: arguments of `pip install` for a revision with other dependencies; None for what it declares.

    Raises:
        UsageError: it cannot be compared as asked.
        SetupError: a side could not be set up.
    """
    remove_abandoned()
    here = Side("candidate", f"working tree {directory.name}", directory)
    with ExitStack() as stack:
        if base.kind == "revision":
            first, here = stack.enter_context(_revision_and_tree(base.value, directory, allow_dirty, install))
        elif base.kind == "python":
            folder = stack.enter_context(temporary_folder("side"))
            what = examine_interpreter(base.value)
            first = Side("base", what, directory, python=base.value, environment=inject_anatomy(folder))
        elif not candidate_settings:
            raise UsageError("both sides are the same; name a base with --against, or settings with --candidate")
        else:
            first = Side("base", here.what, directory)
        yield first, here.with_settings(candidate_settings)


@contextmanager
def _revision_and_tree(
    revision: str, directory: Path, allow_dirty: bool, install: Sequence[str] | None
) -> Iterator[tuple[Side, Side]]:
    repository = Repository.of(directory)
    # Before the work tree is looked at: a revision that does not exist is the greater mistake.
    repository.resolve(revision)
    head, (changes, others) = repository.resolve("HEAD"), work_tree_changes(repository)
    if changes and not allow_dirty:
        raise UsageError(
            f"the work tree differs from its commit ({_some(changes)}), and the verdict would belong to no commit;"
            " commit or stash, or compare it as it is with --allow-dirty (pytest: --anatomy-allow-dirty)"
        )
    with revision_side("base", revision, repository, directory, install) as base:
        assert base.origin is not None
        what = f"work tree, {len(changes)} files changed from {head[:10]}" if changes else f"HEAD ({head[:10]})"
        origin = Origin(instead_of=base.origin.tree, tree=repository.root, zoo=base.origin.zoo)
        note = (
            f"New files that were not taken for a change: {_some(others)}. What reads them has what no commit has."
            if others
            else ""
        )
        yield base, Side("candidate", what, directory, commit=None if changes else head, origin=origin, note=note)


def _some(files: Sequence[str]) -> str:
    return ", ".join(files[:SHOWN_CHANGES]) + (" …" if len(files) > SHOWN_CHANGES else "")


@contextmanager
def revision_side(
    name: SideName, revision: str, repository: Repository, directory: Path, install: Sequence[str] | None
) -> Iterator[Side]:
    """Check a revision out into a worktree, as a side; the worktree is removed at the end.

    Args:
        name: which side it is.
        revision: any name that git has for a commit.
        repository: where the revision is.
        directory: folder of the working tree; the side runs in the same folder of its worktree.
        install: arguments of `pip install` where its dependencies differ; None for what it declares.

    Raises:
        UsageError: there is no such revision.
        SetupError: it could not be set up.
    """
    commit, root = repository.resolve(revision), repository.root
    with repository.worktree(commit) as tree, temporary_folder("side") as made:
        own = _is_anatomy(tree) and _is_anatomy(root)
        yield Side(
            name,
            f"{revision} ({commit[:10]})" if not commit.startswith(revision) else commit[:10],
            _same_place(tree, root, directory, revision),
            commit=commit,
            python=_interpreter(made, tree, root, install),
            environment=inject_anatomy(made / "engine", tree / "models") if own else {},
            origin=Origin(instead_of=root, tree=tree, zoo=own),
        )


def _interpreter(folder: Path, tree: Path, root: Path, install: Sequence[str] | None) -> str:
    """This interpreter, or one with the revision's dependencies where they differ."""
    if not dependencies_differ(tree, root):
        return sys.executable
    return overlay_venv(folder / "environment", tree, requirements_of(tree) if install is None else install)


def _same_place(tree: Path, root: Path, directory: Path, revision: str) -> Path:
    place = tree / directory.resolve().relative_to(root)
    if not place.is_dir():
        raise SetupError(f"{revision} has no folder {place.relative_to(tree)}; give the command from one that it has")
    return place


def _is_anatomy(tree: Path) -> bool:
    return read_pyproject(tree).project.name == OWN_NAME
