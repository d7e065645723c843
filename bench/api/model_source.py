"""A model for a worker process: given as text, as a function, or as a live Keras model, which is saved for it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError

_LOADER = '''"""Loads a saved model."""

from pathlib import Path

import keras


def build():
    """The model that was saved beside this file."""
    return keras.saving.load_model(Path(__file__).parent / "{name}.keras")
'''


class ModelSource(NamedTuple):
    """Where a worker finds a model.

    Attributes:
        text: as on the command line: `vgg:depth=11`, `package.module:function`, `path/to/file.py:function`.
        directory: where the worker runs; `None` for the current directory.
        backend: the backend that a live model lives in; `None` for a model that is built in the worker.
    """

    text: str
    directory: Path | None = None
    backend: str | None = None


def model_source(model: str | Callable[[], Any] | Any, folder: Path) -> ModelSource:
    """Find a place from which a worker can build the model.

    Args:
        model: text, a function that builds a model, or a `keras.Model`.
        folder: where a live model is saved, as `.keras` with its weights and the settings of its `compile`.

    Raises:
        UsageError: it is none of these, or a layer's class is defined where a worker cannot import it.
    """
    if isinstance(model, str):
        return ModelSource(model)
    if _is_keras_model(model):
        return _saved(model, folder)
    if inspect.isfunction(model):
        file = inspect.getsourcefile(model)
        # A script that runs as `__main__` would run again in the worker: its function is called here instead.
        importable = model.__module__ != "__main__" and model.__qualname__.isidentifier()
        if importable and file is not None and Path(file).is_file():
            return ModelSource(f"{Path(file).resolve()}:{model.__qualname__}")
        built = model()
        if _is_keras_model(built):
            return _saved(built, folder)
        raise UsageError(f"{model.__qualname__} must return a keras.Model, returned {_name(built)}")
    raise UsageError(
        f"expected a model as text, a keras.Model or a function that returns one, got {_name(model)};"
        " wrap it in a Keras model to measure it"
    )


def _is_keras_model(value: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


def _saved(model: Any, folder: Path) -> ModelSource:
    import keras

    strays = sorted({type(layer).__name__ for layer in model._flatten_layers() if type(layer).__module__ == "__main__"})
    if strays:
        raise UsageError(
            f"{', '.join(strays)}: defined in the notebook or script itself, which a worker process cannot import;"
            " move the class to a module"
        )
    name = re.sub(r"\W", "_", model.name) or "model"
    try:
        model.save(folder / f"{name}.keras")
    except (ValueError, NotImplementedError, TypeError) as error:
        raise UsageError(f"{model.name} cannot be saved as .keras: {error}; give a function that builds it") from error
    (folder / f"{name}.py").write_text(_LOADER.format(name=name))
    return ModelSource(f"{name}.py:build", folder, keras.backend.backend())


def _name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
