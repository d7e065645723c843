"""What in a working tree differs from its commit, and whether that could change what is compared."""

from __future__ import annotations

from importlib.machinery import all_suffixes
from pathlib import PurePath
from typing import NamedTuple

from anatomy.bench.machine.git import Repository

# What Python imports, what a model is loaded from, and what sets up the project, its tests and its suites.
_SUFFIXES = (
    *all_suffixes(), ".pyx", ".pth", ".toml", ".yaml", ".yml", ".ini", ".cfg",
    ".keras", ".h5", ".onnx", ".safetensors", ".pt", ".npz", ".npy",
)  # fmt: skip
# Python writes it anew from a source that is there.
_BYTECODE = "__pycache__"


class WorkTreeChanges(NamedTuple):
    """How a working tree differs from its commit.

    Attributes:
        decisive: changed files, and new ones that a side could import or that configure it.
        others: new files of other kinds, such as logs and reports.
    """

    decisive: list[str]
    others: list[str]


def work_tree_changes(repository: Repository) -> WorkTreeChanges:
    """Look at a repository's working tree; files that git ignores are left out."""
    new = repository.untracked()
    # Git names a repository within this one by its folder alone.
    decisive = [name for name in new if name.endswith("/") or _decides(PurePath(name))]
    return WorkTreeChanges(repository.changes() + decisive, [name for name in new if name not in decisive])


def _decides(path: PurePath) -> bool:
    if _BYTECODE in path.parts:
        return False
    return path.name.startswith(("requirements", "constraints")) or path.name.endswith(_SUFFIXES)
