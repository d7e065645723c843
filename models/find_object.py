"""Finds what `package.module:name` or `path/file.py:name` names: a function, a class, a model."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from anatomy.models.existing_path import exists, is_file
from anatomy.models.model_name import kind_of, split_function
from anatomy.models.registry import find
from anatomy.models.returned_object import NotAModelError, foreign_object, is_torch_module
from anatomy.models.suggestion import unknown_name
from anatomy.models.user_method import as_method


def require_model(model: str) -> None:
    """Make sure that there is such a model; modules are imported, nothing is built.

    Raises:
        ValueError: there is none. Errors that a module raises while it is imported are passed on.
    """
    kind = kind_of(model)
    if kind == "zoo":
        find(model)
    elif kind == "function":
        find_object(model)
    elif not exists(Path(model)):
        raise ValueError(f"no file or folder {model} (looked in {Path.cwd()})")


def resolve_user_function(model: str) -> Callable[..., Any]:
    """Return the function that `package.module:function` or `path/file.py:function` names.

    The current directory is searched for modules first; the directory of a file becomes importable.

    Raises:
        ValueError: there is no such module, file or function; the message names the nearest function. Errors that the
            module raises while it is imported are passed on.
    """
    return require_builder(model, find_object(model))


def find_object(model: str) -> Any:
    """Return what `package.module:name` or `path/file.py:name` names: a function, a class, a model; of a method, a
    `UserMethod`.

    Raises:
        ValueError: there is no such module, file or name; the message names the nearest. Errors that a module raises
            while it is imported are passed on.
    """
    place, function = split_function(model)
    if place.endswith(".py"):
        found: Any = _load_file(Path(place))
        parts = function.split(".")
    else:
        found, parts = _load_module(place, function.split("."))
    method = None
    for part in parts:
        owner, found = found, _attribute(found, part, place)
        method = as_method(owner, part)
    return method or found


def holds_model(model: str) -> bool:
    """Whether a module has the model as an object, so that importing it builds the model; imports it.

    Raises:
        ValueError: there is no such module, file or name. Errors that a module raises when imported are passed on.
    """
    return kind_of(model) == "function" and _is_model(find_object(model))


def _is_model(found: Any) -> bool:
    import keras

    return isinstance(found, keras.Model) or (is_torch_module(found) and not isinstance(found, type))


def _attribute(owner: Any, name: str, place: str) -> Any:
    if hasattr(owner, name):
        return getattr(owner, name)
    if isinstance(owner, ModuleType) and hasattr(owner, "__path__"):
        submodule = f"{owner.__name__}.{name}"
        try:
            return importlib.import_module(submodule)
        except ModuleNotFoundError as error:
            if error.name != submodule:
                raise
    # A model can be called, too.
    callables = [n for n, v in vars(owner).items() if callable(v) and not n.startswith("_")]
    raise ValueError(unknown_name(f"function in {place}", name, callables))


def require_builder(model: str, found: Any) -> Callable[..., Any]:
    """What can be called to build a model.

    Raises:
        TypeError: it is an object of another framework; says how to measure it.
        ValueError: it cannot be called.
    """
    foreign = foreign_object(found)
    if foreign is not None and not is_torch_module(found):
        raise NotAModelError(f"{model} is {foreign}")
    if not callable(found):
        what = f"the module {found.__name__}" if isinstance(found, ModuleType) else type(found).__name__
        raise ValueError(f"{model}: expected a function that returns a keras.Model, or a model, got {what}")
    builder: Callable[..., Any] = found
    return builder


def _load_module(name: str, rest: list[str]) -> tuple[ModuleType, list[str]]:
    """Import the longest part of a dotted name that is a module; what follows it are names in it."""
    _make_importable(Path.cwd())
    try:
        return importlib.import_module(name), rest
    except ModuleNotFoundError as error:
        # A module that the user's own module fails to import is the user's to see.
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        above, _, last = name.rpartition(".")
        if above and error.name != above and not above.startswith(error.name + "."):
            module, parts = _load_module(above, [last])
            if hasattr(module, parts[0]):
                return module, [*parts, *rest]
        raise ValueError(
            f"no module {name!r} in {Path.cwd()} or among the installed packages; "
            f"run from the folder that holds it, or name the file: path/to/file.py:function"
        ) from error


def _load_file(path: Path) -> ModuleType:
    if not is_file(path):
        raise ValueError(f"no file {path} (looked in {Path.cwd()})")
    path = path.resolve()
    name = f"_anatomy_user_{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    _make_importable(path.parent)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling need the module registered before it runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
