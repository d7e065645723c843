"""Follows a dotted name to the function or class that it stands for, from the text of modules alone."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anatomy.models.check_imports import absolute_name, check_imports, is_users, may_have, read_or_refuse
from anatomy.models.find_source import FoundModule, find_top
from anatomy.models.source_file import Import, SourceFile
from anatomy.models.suggestion import unknown_name

# Decorators that leave a function's parameters as they are.
_KEEPING = ("keras_export", "register_keras_serializable", "cache", "lru_cache")


def find_definition(
    module: FoundModule,
    parts: Sequence[str],
    folders: Sequence[Path],
    seen: frozenset[tuple[str, str]] = frozenset(),
) -> ast.stmt | None:
    """The statement that binds `module.part.part`; `None` as soon as the text alone does not say.

    Args:
        module: where to begin.
        parts: names in it, in the modules below it, and in classes.
        folders: of the user's; modules in them must be importable.
        seen: names of modules that were followed here.

    Raises:
        ValueError: a module cannot be imported, or lacks the next name.
    """
    if is_users(module, folders):
        check_imports(module, folders)
    if not parts:
        raise ValueError(
            f"{module.name} is a module: name the function in it that builds the model, {module.name}:build"
        )
    part, *rest = parts
    source, child = read_or_refuse(module), module.child(part)
    binding = source.names.get(part) if source is not None else None
    if source is not None and part in source.constants:
        raise ValueError(
            f"{part} in {_place(module)} is a value of type {source.constants[part]}: expected a function that returns"
            " a keras.Model, or a model"
        )
    if isinstance(binding, ast.ImportFrom) and (module.name, part) not in seen:
        target = _imported(module, binding, part, folders)
        # `from package import part`, in the package itself, is its module.
        if target is not None and not (child is not None and target[0].name == module.name):
            try:
                return find_definition(target[0], [target[1], *rest], folders, seen | {(module.name, part)})
            except ValueError:
                # Of what others import and make, only running it can tell.
                if is_users(target[0], folders):
                    raise
                return None
    elif source is not None and binding is not None and not isinstance(binding, ast.Import | ast.ImportFrom):
        return None if rest or part in source.again else binding
    if child is not None:
        return find_definition(child, rest, folders, seen)
    if module.is_certain and not _may_have(module, source, part):
        raise ValueError(_no_name(module, source, part))
    return None


def check_options(model: str, definition: ast.stmt, options: Mapping[str, Any]) -> None:
    """Compare options with the parameters of a function, where its text has them all.

    Raises:
        ValueError: it has no such parameter, or needs one that is not given.
    """
    if not isinstance(definition, ast.FunctionDef) or any(map(_may_change, definition.decorator_list)):
        return
    given = definition.args
    places = [place.arg for place in (*given.args, *given.kwonlyargs)]
    for option in options:
        if option not in places and given.kwarg is None:
            raise ValueError(unknown_name(f"option of {model}", option, places) if places else _none(model, option))
    without = [place.arg for place in given.args[: len(given.args) - len(given.defaults)]]
    without += [p.arg for p, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is None]
    missing = [place for place in without if place not in options]
    if missing and not given.posonlyargs:
        raise ValueError(f"{model} needs {', '.join(missing)}: {model}:{','.join(f'{name}=…' for name in missing)}")


def _may_change(decorator: ast.expr) -> bool:
    """Whether a decorator may give a function other parameters."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name not in _KEEPING


def _none(model: str, option: str) -> str:
    return f"{model} takes no options, got {option!r}"


def _imported(
    module: FoundModule, binding: ast.ImportFrom, part: str, folders: Sequence[Path]
) -> tuple[FoundModule, str] | None:
    """The module that an import takes a name from, and the name there."""
    name = next((alias.name for alias in binding.names if (alias.asname or alias.name) == part), None)
    dotted = absolute_name(module, Import(binding.lineno, binding.module or "", binding.level))
    if name is None or not dotted:
        return None
    first, *rest = dotted.split(".")
    found = find_top(first, folders)
    for inner in rest:
        found = found.child(inner) if found is not None else None
    return (found, name) if found is not None else None


def _may_have(module: FoundModule, source: SourceFile | None, part: str) -> bool:
    """Whether a name may be there; of a package without a file only its modules are."""
    return may_have(module, part) if source is not None else not module.folders


def _place(module: FoundModule) -> str:
    return module.name if module.folders or module.source is None else str(module.source)


def _no_name(module: FoundModule, source: SourceFile | None, part: str) -> str:
    if source is None:
        return unknown_name(f"module in {module.name}", part, module.children())
    public = [name for name in source.names if not name.startswith("_")]
    made = [name for name in public if isinstance(source.names[name], ast.Assign | ast.AnnAssign)]
    known = (
        [*source.builders, *(name for name in made if name not in source.constants)] or public
        if not module.folders
        else [*dict.fromkeys([*public, *module.children()])]
    )
    where = module.source.name if module.source is not None and not module.folders else module.name
    return unknown_name(f"function in {where}", part, known)
