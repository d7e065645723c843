"""Whether a user's module can be imported, from its text and that of the modules of the user's that it imports."""

import ast
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from anatomy.models.find_source import FoundModule, find_top
from anatomy.models.source_file import Import, SourceFile

_INSTALLED = frozenset({"site-packages", "dist-packages"})


def check_imports(module: FoundModule, folders: Sequence[Path]) -> None:
    """Find syntax errors and modules that are not there, in the order in which importing would.

    Only what an import always runs is looked at: no branch, no function. What is installed is taken as it is.

    Args:
        module: of the user's.
        folders: where modules are looked for before the installed ones.

    Raises:
        ValueError: it cannot be imported; the message names the file, the line and the exception.
    """
    _check(module, folders, set())


def is_users(module: FoundModule, folders: Sequence[Path]) -> bool:
    """Whether a module is in one of the user's folders, and not among Python's or the packages installed there."""
    if module.source is None:
        return False
    path = module.source.resolve()
    if _INSTALLED.intersection(path.parts) or path.is_relative_to(Path(sysconfig.get_path("stdlib")).resolve()):
        return False
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def read_or_refuse(module: FoundModule) -> SourceFile | None:
    """What a module's file binds and imports.

    Raises:
        ValueError: it cannot be read as Python.
    """
    try:
        return module.read()
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise ValueError(f"{module.source}{line}: {type(error).__name__}: {error.msg}") from error
    except ValueError as error:
        raise ValueError(f"{module.source}: {type(error).__name__}: {error}") from error


def _check(module: FoundModule, folders: Sequence[Path], seen: set[Path]) -> None:
    if module.source is None or module.source in seen:
        return
    seen.add(module.source)
    source = read_or_refuse(module)
    for statement in source.imports if source is not None else ():
        for found in _imported(module, statement, folders):
            if is_users(found, folders):
                _check(found, folders, seen)


def _imported(module: FoundModule, statement: Import, folders: Sequence[Path]) -> Iterator[FoundModule]:
    """The modules that a statement imports, outermost first.

    Raises:
        ValueError: one of them is not there, or a module of the user's lacks a name.
    """
    dotted = absolute_name(module, statement)
    if dotted is None:
        return
    first, *rest = dotted.split(".")
    found = find_top(first, folders)
    if found is None:
        raise _missing(module, statement, f"ModuleNotFoundError: No module named {first!r}")
    yield found
    for part in rest:
        inner = found.child(part)
        if inner is None:
            if found.is_certain and is_users(found, folders) and not may_have(found, part):
                raise _missing(module, statement, f"ModuleNotFoundError: No module named '{found.name}.{part}'")
            return
        found = inner
        yield found
    for name in statement.names:
        inner = found.child(name)
        if inner is not None:
            yield inner
        elif is_users(found, folders) and name != "*" and not may_have(found, name):
            raise _missing(module, statement, f"ImportError: cannot import name {name!r} from {dotted!r}")


def absolute_name(module: FoundModule, statement: Import) -> str | None:
    """The module that a statement names, in full; `None` for a relative import out of no package."""
    if not statement.level:
        return statement.module
    parts = module.name.split(".")
    kept = len(parts) - statement.level + (1 if module.folders else 0)
    if kept < 1:
        return None
    return ".".join([*parts[:kept], *filter(None, [statement.module])])


def may_have(module: FoundModule, name: str) -> bool:
    """Whether a module may have a name, as far as its text says."""
    source = read_or_refuse(module)
    return source is None or source.is_open or name in source.names or _is_submodule_import(source, module, name)


def _is_submodule_import(source: SourceFile, module: FoundModule, name: str) -> bool:
    """`import package.part` binds `part` in the package, wherever it stands."""
    return any(
        isinstance(node, ast.Import) and any(alias.name == f"{module.name}.{name}" for alias in node.names)
        for node in source.names.values()
    )


def _missing(module: FoundModule, statement: Import, said: str) -> ValueError:
    return ValueError(f"{module.source}, line {statement.line}: {said}")
