"""Finds the source of modules without importing them, or anything that they import."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anatomy.models.existing_path import is_dir, is_file
from anatomy.models.source_file import SourceFile, read_source

# Of modules whose text cannot be read.
_EXTENSIONS = (".so", ".pyd", ".pyc")


@dataclass(frozen=True)
class FoundModule:
    """A module that exists.

    Attributes:
        name: dotted.
        source: its file; `None` where it has none that can be read: a built-in, an extension, a package without a file.
        folders: of a package, where its modules are; empty for a module.
        is_certain: whether what is not in `folders` does not exist.
    """

    name: str
    source: Path | None = None
    folders: tuple[Path, ...] = ()
    is_certain: bool = True

    def read(self) -> SourceFile | None:
        """What its file binds and imports; `None` where there is no file to read.

        Raises:
            SyntaxError: it is no Python of this version.
        """
        if self.source is None:
            return None
        try:
            return read_source(self.source)
        except OSError:
            return None

    def child(self, name: str) -> "FoundModule | None":
        """A module of this package, if there is one."""
        return _in_folders(self.folders, name, f"{self.name}.{name}")

    def children(self) -> list[str]:
        """Names of the modules of this package."""
        files = [path for folder in self.folders for path in sorted(folder.glob("*.py"))]
        return [path.stem for path in files if path.stem.isidentifier() and not path.stem.startswith("_")]


def find_top(name: str, folders: Sequence[Path]) -> FoundModule | None:
    """A top-level module or package: of these folders first, then as this interpreter finds it."""
    found = _in_folders(folders, name, name)
    if found is not None and (found.source is not None or not found.folders):
        return found
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        # A module that was loaded in an unusual way is there, and nothing more is known.
        return FoundModule(name, is_certain=False)
    if spec is None:
        return found
    source = Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    places = tuple(Path(place) for place in spec.submodule_search_locations or ())
    certain = all(is_dir(place) for place in places) and (source is not None or bool(places))
    return FoundModule(name, source, places, certain)


def _in_folders(folders: Sequence[Path], name: str, full: str) -> FoundModule | None:
    """A module by the rules of Python's own search: packages, extensions, files, folders without a file."""
    portions = []
    for folder in folders:
        package = folder / name
        if is_file(package / "__init__.py"):
            return FoundModule(full, package / "__init__.py", (package,))
        if any(path.name.endswith(_EXTENSIONS) for path in folder.glob(f"{name}.*")):
            return FoundModule(full, is_certain=False)
        if is_file(folder / f"{name}.py"):
            return FoundModule(full, folder / f"{name}.py")
        if is_dir(package):
            portions.append(package)
    return FoundModule(full, None, tuple(portions)) if portions else None
