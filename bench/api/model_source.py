"""A model for a worker process: given as text, as a function, or as a live Keras model, which is saved for it."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anatomy.bench.errors.anatomy_error import UsageError

_LOADER = '''"""Loads a saved model."""

from pathlib import Path

import keras


def build():
    """The model that was saved beside this file."""
    return keras.saving.load_model(Path(__file__).parent / "{name}.keras")
'''


_LOADER_WITH_DATA = '''"""Loads a saved model and the data that were given with it."""

import pickle
from pathlib import Path

import keras

HERE = Path(__file__).parent


def build():
    """The model that was saved beside this file, and its data."""
    with (HERE / "{name}.pickle").open("rb") as file:
        data = pickle.load(file)
    return keras.saving.load_model(HERE / "{name}.keras"), *(data if isinstance(data, tuple) else (data,))
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


def model_source(model: str | Callable[[], Any] | Any, folder: Path, data: Any = None) -> ModelSource:
    """Find a place from which a worker can build the model.

    Args:
        model: text, the path of a saved model, a function that builds a model, or a `keras.Model`.
        folder: where a live model is saved, as `.keras` with its weights and the settings of its `compile`.
        data: inputs, or a tuple of inputs, targets and sample weights, of a live model.

    Raises:
        UsageError: it is none of these, or a layer's class is defined where a worker cannot import it.
    """
    if _is_keras_model(model):
        return _saved(model, folder, data)
    if data is not None:
        raise UsageError(
            "data go with a live keras.Model; a function returns them beside its model: (model, inputs, targets)"
        )
    if isinstance(model, str | Path):
        return ModelSource(str(model))
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


def _saved(model: Any, folder: Path, data: Any = None) -> ModelSource:
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
    if data is not None:
        _save_data(data, folder / f"{name}.pickle")
    (folder / f"{name}.py").write_text((_LOADER if data is None else _LOADER_WITH_DATA).format(name=name))
    return ModelSource(f"{name}.py:build", folder, keras.backend.backend())


def _save_data(data: Any, path: Path) -> None:
    """Pickle the data, with tensors of any framework as arrays; only this process's own worker reads the file."""
    import keras

    def as_array(leaf: Any) -> Any:
        return np.asarray(leaf.detach().cpu() if hasattr(leaf, "detach") else leaf)

    arrays = data if _is_dataset(data) else keras.tree.map_structure(as_array, data)
    try:
        path.write_bytes(pickle.dumps(arrays))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise UsageError(
            f"data of type {_name(data)} cannot be handed to a worker process: {error};"
            " give arrays, or a function that returns (model, dataset)"
        ) from error


def _is_dataset(data: Any) -> bool:
    return not isinstance(data, tuple | list | dict) and not hasattr(data, "__array__")


def _name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
