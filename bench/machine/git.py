"""A git repository: its commits, its branch, what was changed in it, and checkouts of its revisions beside it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable
from anatomy.bench.machine.temporary_folders import PREFIX, remove_abandoned, temporary_folder

# Long enough to check out a large repository from a slow disk.
TIMEOUT_S = 300.0
_PURPOSE = "gate"


@dataclass(frozen=True)
class Repository:
    """A repository by its working tree, whose topmost folder is `root`."""

    root: Path

    @classmethod
    def of(cls, directory: Path) -> Repository:
        """The repository that holds a directory.

        Raises:
            UsageError: none does, or git is not installed.
        """
        if shutil.which("git") is None:
            raise UsageError("git is not installed; a revision cannot be compared without it (Debian: apt install git)")
        found = _git(directory, "rev-parse", "--show-toplevel")
        if found.returncode:
            raise UsageError(f"{directory} is in no git repository, so no revision of it can be compared")
        return cls(Path(found.stdout.removesuffix("\n")).resolve())

    @classmethod
    def find(cls, directory: Path) -> Repository | None:
        """The repository that holds a directory; None where there is none, or no git that answers."""
        try:
            return cls.of(directory)
        except (UsageError, OSError):
            return None

    def head(self) -> str | None:
        """The commit that is checked out; None before the first."""
        return _git(self.root, "rev-parse", "--verify", "--quiet", "HEAD").stdout.strip() or None

    def branch(self) -> str | None:
        """The branch that is checked out; None for a commit without a branch."""
        return printable(_git(self.root, "branch", "--show-current").stdout.strip()) or None

    def changes(self) -> list[str]:
        """Tracked files that differ from the commit that is checked out."""
        status = _git(self.root, "status", "--porcelain", "--untracked-files=no")
        if status.returncode:
            raise UsageError(f"git status failed in {self.root}: {printable(status.stderr.strip())}")
        return [printable(line[3:]) for line in status.stdout.splitlines()]

    def untracked(self) -> list[str]:
        """New files that git does not ignore."""
        found = _git(self.root, "ls-files", "--others", "--exclude-standard", "-z")
        if found.returncode:
            raise UsageError(f"git ls-files failed in {self.root}: {printable(found.stderr.strip())}")
        return [printable(name) for name in found.stdout.split("\0") if name]

    def resolve(self, revision: str) -> str:
        """The commit that a revision names.

        Raises:
            UsageError: there is no such commit; in a shallow clone the message says how to deepen it.
        """
        found = _git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.strip()
        if _git(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
            raise UsageError(
                f"{revision} is not in this shallow clone; fetch it: git fetch --unshallow"
                " (actions/checkout: fetch-depth: 0; GitLab: GIT_DEPTH: 0)"
            )
        raise UsageError(f"no revision {revision!r} in {self.root}; git fetch it first, or name another")

    def between(self, good: str, bad: str) -> list[str]:
        """Commits after `good` up to and including `bad`, oldest first, along the first parents.

        Raises:
            UsageError: `good` is no ancestor of `bad`, or the same commit.
        """
        if _git(self.root, "merge-base", "--is-ancestor", good, bad).returncode:
            raise UsageError(f"{good[:10]} is no ancestor of {bad[:10]}; name one that the bad revision came from")
        commits = _git(self.root, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}").stdout.split()
        if not commits:
            raise UsageError(f"no commit between {good[:10]} and {bad[:10]}")
        return commits

    def describe(self, commit: str) -> str:
        """`1a2b3c4 2026-01-31 Author: subject`."""
        return printable(_git(self.root, "show", "--no-patch", "--format=%h %cs %an: %s", commit).stdout.strip())

    @contextmanager
    def worktree(self, commit: str) -> Iterator[Path]:
        """Check out a commit into a temporary folder, which is removed at the end.

        Raises:
            UsageError: git could not check it out.
        """
        self._remove_abandoned()
        with temporary_folder(_PURPOSE) as folder:
            tree = folder / "base"
            try:
                added = _git(self.root, "worktree", "add", "--detach", "--quiet", str(tree), commit)
                if added.returncode:
                    raise UsageError(f"git could not check out {commit}: {printable(added.stderr.strip())}")
                yield tree
            finally:
                self._remove_worktree(tree)

    def _remove_worktree(self, tree: Path) -> None:
        # Twice: git locks a worktree while it makes it, and what was killed then stays locked.
        _git(self.root, "worktree", "remove", "--force", "--force", str(tree))

    def _remove_abandoned(self) -> None:
        """Remove the worktrees of gates that were killed."""
        # Git knows -z here from 2.36 on.
        listed = _git(self.root, "worktree", "list", "--porcelain").stdout.splitlines()
        trees = [Path(line.removeprefix("worktree ")) for line in listed if line.startswith("worktree ")]
        own = [tree for tree in trees if tree.parent.name.startswith(f"{PREFIX}{_PURPOSE}-")]
        remove_abandoned(tree.parent for tree in own)
        for tree in own:
            if not tree.exists():
                self._remove_worktree(tree)


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(directory), *arguments],
            capture_output=True,
            encoding="utf-8",
            # File names need not be UTF-8.
            errors="surrogateescape",
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"git {arguments[0]} did not end within {TIMEOUT_S:g} s in {directory}") from error
