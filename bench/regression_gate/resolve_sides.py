"""From what `--against` and `--candidate` say to two sides that can be measured, and away with them afterwards."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.machine.git import Repository
from anatomy.bench.records.run_store import RECORDS_FILE, RUN_FILE
from anatomy.bench.regression_gate.inject_anatomy import examine_interpreter, lend_engine
from anatomy.bench.regression_gate.overlay_venv import dependencies_differ, make_overlay, requirements_of
from anatomy.bench.regression_gate.side_names import SideName
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.import_origin import Origin

Kind = Literal["revision", "python", "run", "same"]
OWN_NAME = "keras-anatomy"
SHOWN_CHANGES = 5


@dataclass(frozen=True)
class Base:
    """What `--against` names."""

    kind: Kind
    value: str


def parse_base(against: str | None) -> Base:
    """`python:PATH`, `run:FOLDER` or the folder of a run, `git:REVISION` or a revision; null for the working tree."""
    if against is None:
        return Base("same", "")
    for prefix, kind in (("python:", "python"), ("run:", "run"), ("git:", "revision")):
        if against.startswith(prefix):
            return Base(kind, against.removeprefix(prefix))  # type: ignore[arg-type]  # mypy widens the literals
    folder = Path(against)
    holds_run = (folder / RUN_FILE).exists() or (folder / RECORDS_FILE).exists()
    return Base("run" if holds_run else "revision", against)


@contextmanager
def open_sides(
    base: Base, candidate_settings: Sequence[str], directory: Path, allow_dirty: bool, install: Sequence[str] | None
) -> Iterator[tuple[Side, Side]]:
    """Base and candidate, ready to be measured; everything made for them is removed at the end.

    Args:
        directory: the candidate's, where the command was given.
        allow_dirty: compare a working tree that is no commit.
        install: arguments of `pip install` for a revision with other dependencies; what it declares, by default.

    Raises:
        UsageError: it cannot be compared as asked.
        SetupError: a side could not be set up.
    """
    here = Side("candidate", f"working tree {directory.name}", directory)
    with ExitStack() as stack:
        if base.kind == "revision":
            first, here = stack.enter_context(_revision(base.value, directory, allow_dirty, install))
        elif base.kind == "python":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anatomy-engine-")))
            what = examine_interpreter(base.value)
            first = Side("base", what, directory, python=base.value, environment=lend_engine(folder))
        elif not candidate_settings:
            raise UsageError("both sides are the same; name a base with --against, or settings with --candidate")
        else:
            first = Side("base", here.what, directory)
        yield first, here.with_settings(candidate_settings)


@contextmanager
def _revision(
    revision: str, directory: Path, allow_dirty: bool, install: Sequence[str] | None
) -> Iterator[tuple[Side, Side]]:
    repository = Repository.of(directory)
    # Before the work tree is looked at: a revision that is not there is the greater mistake.
    repository.resolve(revision)
    head, changes = repository.resolve("HEAD"), repository.changes()
    if changes and not allow_dirty:
        some = ", ".join(changes[:SHOWN_CHANGES]) + (" …" if len(changes) > SHOWN_CHANGES else "")
        raise UsageError(
            f"the work tree differs from its commit ({some}), so that the verdict would be of no commit;"
            " commit or stash, or compare it as it is with --allow-dirty (pytest: --anatomy-allow-dirty)"
        )
    with revision_side("base", revision, repository, directory, install) as base:
        assert base.origin is not None
        what = f"work tree, {len(changes)} files changed from {head[:10]}" if changes else f"HEAD ({head[:10]})"
        origin = Origin(instead_of=base.origin.tree, tree=repository.root, zoo=base.origin.zoo)
        yield base, Side("candidate", what, directory, commit=None if changes else head, origin=origin)


@contextmanager
def revision_side(
    name: SideName, revision: str, repository: Repository, directory: Path, install: Sequence[str] | None
) -> Iterator[Side]:
    """A revision as a side: in a worktree of its own, removed at the end.

    Args:
        directory: the place in the working tree whose counterpart it runs in.
        install: arguments of `pip install` where its dependencies differ; what it declares, by default.

    Raises:
        UsageError: no such revision.
        SetupError: it could not be set up.
    """
    commit, root = repository.resolve(revision), repository.root
    with repository.worktree(commit) as tree, tempfile.TemporaryDirectory(prefix="anatomy-side-") as made:
        own = _is_anatomy(tree) and _is_anatomy(root)
        yield Side(
            name,
            f"{revision} ({commit[:10]})" if not commit.startswith(revision) else commit[:10],
            _same_place(tree, root, directory, revision),
            commit=commit,
            python=_interpreter(Path(made), tree, root, install),
            environment=lend_engine(Path(made) / "engine", tree / "models") if own else {},
            origin=Origin(instead_of=root, tree=tree, zoo=own),
        )


def _interpreter(folder: Path, tree: Path, root: Path, install: Sequence[str] | None) -> str:
    """This one, unless the revision asks for other dependencies."""
    if not dependencies_differ(tree, root):
        return sys.executable
    return make_overlay(folder / "environment", tree, requirements_of(tree) if install is None else install)


def _same_place(tree: Path, root: Path, directory: Path, revision: str) -> Path:
    place = tree / directory.resolve().relative_to(root)
    if not place.is_dir():
        raise SetupError(f"{revision} has no folder {place.relative_to(tree)}; give the command from one that it has")
    return place


def _is_anatomy(tree: Path) -> bool:
    file = tree / "pyproject.toml"
    data: dict[str, Any] = tomllib.loads(file.read_text()) if file.exists() else {}
    return bool(data.get("project", {}).get("name") == OWN_NAME)
