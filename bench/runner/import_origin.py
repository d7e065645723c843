"""Where modules come from: two checkouts of one project side by side, and which of them a process has loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

# Installed packages are no part of a project's tree, even where the environment lies in it.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


class Origin(BaseModel):
    """A side's tree instead of another one.

    Attributes:
        instead_of: root of the project as the environment knows it (the working tree).
        tree: root of this side's checkout.
        zoo: whether the zoo itself is part of the project, as in Anatomy's own repository.
    """

    model_config = ConfigDict(frozen=True)

    instead_of: Path
    tree: Path
    zoo: bool = False

    def mapped(self, paths: Sequence[str]) -> list[str]:
        """Each path inside the other tree as the same place in this one; the rest as they are."""
        return [self._here(path) for path in paths]

    def strays(self, files: Iterable[str]) -> list[str]:
        """Files of the other tree among `files`, relative to it."""
        found = []
        for file in files:
            path = Path(file).resolve()
            if _inside(path, self.instead_of) and not _inside(path, self.tree):
                found.append(path.relative_to(self.instead_of).as_posix())
        return sorted(found)

    def _here(self, path: str) -> str:
        resolved = Path(path).resolve()
        if not path or not _inside(resolved, self.instead_of) or _inside(resolved, self.tree):
            return path
        return str(self.tree / resolved.relative_to(self.instead_of))


def loaded_files(zoo: bool) -> list[str]:
    """Source files of the modules loaded here, Anatomy's own engine apart (and its zoo, unless `zoo`)."""
    engine = ("anatomy.bench", "anatomy.reports") if zoo else ("anatomy",)
    files = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and not name.startswith(engine):
            files.append(file)
    return files


def _inside(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and not _INSTALLED.intersection(path.relative_to(root).parts)
