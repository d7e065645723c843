"""Models of the user: finds and calls `package.module:function` or `path/file.py:function`."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from anatomy.models.registry import build
from anatomy.models.suggestion import unknown_name

if TYPE_CHECKING:
    import keras


def build_any(model: str, options: Mapping[str, Any]) -> "keras.Model":
    """Build a model of the zoo or of the user.

    Args:
        model: name of the zoo, `package.module:function` or `path/file.py:function`.
        options: keyword arguments of the builder or the function.

    Raises:
        ValueError: there is no such model, or the options do not fit.
        TypeError: the user's function does not return a Keras model.
    """
    return build_with_data(model, options).model


@dataclass(frozen=True)
class BuiltModel:
    """What a builder returned."""

    model: "keras.Model"
    data: Any = None


def build_with_data(model: str, options: Mapping[str, Any]) -> BuiltModel:
    """Build a model, and keep what its builder returned beside it."""
    if ":" not in model:
        return BuiltModel(build(model, **options))
    import keras

    function = resolve_user_function(model)
    built = function(**options)
    if isinstance(built, tuple) and built and isinstance(built[0], keras.Model):
        rest = tuple(built[1:])
        return BuiltModel(built[0], rest[0] if len(rest) == 1 else rest or None)
    if not isinstance(built, keras.Model):
        raise TypeError(f"{model} must return a keras.Model, returned {type(built).__name__}")
    return BuiltModel(built)


def resolve_user_function(model: str) -> Callable[..., Any]:
    """Return the function that `package.module:function` or `path/file.py:function` names.

    The current directory is searched for modules first; the directory of a file becomes importable.

    Raises:
        ValueError: there is no such module, file or function; the message names the nearest function. Errors that the
            module raises while it is imported are passed on.
    """
    place, _, function = model.rpartition(":")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found: Any = module
    for part in function.split("."):
        if not hasattr(found, part):
            callables = [n for n, v in vars(found).items() if callable(v) and not n.startswith("_")]
            raise ValueError(unknown_name(f"function in {place}", part, callables))
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{model}: expected a function that returns a keras.Model, got {type(found).__name__}")
    resolved: Callable[..., Any] = found
    return resolved


def _load_module(name: str) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that the user's own module fails to import is the user's to see.
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        raise ValueError(
            f"no module {name!r} in {Path.cwd()} or among the installed packages; "
            f"run from the folder that holds it, or name the file: path/to/file.py:function"
        ) from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
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
