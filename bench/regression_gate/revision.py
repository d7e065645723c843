"""A git revision beside the working tree: found, checked out into a worktree of its own, and removed afterwards."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Repository:
    """The repository that holds a directory; `root` is its working tree."""

    root: Path

    @classmethod
    def of(cls, directory: Path) -> Repository:
        """Raises `UsageError` outside a repository or without git."""
        if shutil.which("git") is None:
            raise UsageError("git is not installed; a revision cannot be compared without it (Debian: apt install git)")
        done = _git(directory, "rev-parse", "--show-toplevel")
        if done.returncode:
            raise UsageError(f"{directory} is in no git repository, so no revision of it can be compared")
        return cls(Path(done.stdout.strip()).resolve())

    def resolve(self, revision: str) -> str:
        """The commit that a revision names.

        Raises:
            UsageError: there is no such commit here; a shallow clone says how to deepen it.
        """
        done = _git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode == 0:
            return done.stdout.strip()
        if _git(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
            raise UsageError(
                f"{revision} is not in this shallow clone; fetch it: git fetch --unshallow"
                " (actions/checkout: fetch-depth: 0; GitLab: GIT_DEPTH: 0)"
            )
        raise UsageError(f"no revision {revision!r} in {self.root}; git fetch it first, or name another")

    def head(self) -> str:
        """The commit checked out."""
        return self.resolve("HEAD")

    def changes(self) -> list[str]:
        """Files that differ from the commit checked out, new ones that git does not ignore among them."""
        done = _git(self.root, "status", "--porcelain", "--untracked-files=all")
        if done.returncode:
            raise UsageError(f"git status failed in {self.root}: {done.stderr.strip()}")
        return [line[3:] for line in done.stdout.splitlines()]

    def between(self, good: str, bad: str) -> list[str]:
        """Commits from the one after `good` to `bad`, oldest first, along the first parents.

        Raises:
            UsageError: `good` is no ancestor of `bad`, or the same.
        """
        if _git(self.root, "merge-base", "--is-ancestor", good, bad).returncode:
            raise UsageError(f"{good[:10]} is no ancestor of {bad[:10]}; name one that the bad revision came from")
        done = _git(self.root, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}")
        commits = done.stdout.split()
        if not commits:
            raise UsageError(f"no commit between {good[:10]} and {bad[:10]}")
        return commits

    def describe(self, commit: str) -> str:
        """`1a2b3c4 2026-01-31 Author: subject`."""
        return _git(self.root, "show", "--no-patch", "--format=%h %cs %an: %s", commit).stdout.strip()

    @contextmanager
    def worktree(self, commit: str) -> Iterator[Path]:
        """A checkout of `commit` in a temporary folder, removed at the end.

        Raises:
            UsageError: git could not check it out.
        """
        folder = Path(tempfile.mkdtemp(prefix="anatomy-gate-")).resolve()
        tree = folder / "base"
        try:
            done = _git(self.root, "worktree", "add", "--detach", "--quiet", str(tree), commit)
            if done.returncode:
                raise UsageError(f"git could not check out {commit}: {done.stderr.strip()}")
            yield tree
        finally:
            _git(self.root, "worktree", "remove", "--force", str(tree))
            shutil.rmtree(folder, ignore_errors=True)
            _git(self.root, "worktree", "prune")


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(directory), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
