"""Loads saved models: `.keras` and `.h5` files, an architecture as `.json`, and the folder of a SavedModel."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anatomy.models.model_name import SAVED_MODEL_FILE, kind_of

if TYPE_CHECKING:
    import keras


UNSAFE_REMEDY = "add --unsafe to run it, if you trust where the file comes from"


def load_saved(path: str, options: Mapping[str, Any]) -> "keras.Model":
    """Load a model that Keras has saved, as it is: with its weights and its `compile`, if the file has them.

    Args:
        path: a file, or the folder of a SavedModel; from the current directory if it is relative.
        options: `safe_mode=False` lets Keras run code that the file brings along, such as that of a Lambda layer.

    Raises:
        ValueError: there is no such file, or Keras cannot build a model from it.
        NotImplementedError: a SavedModel on another backend than TensorFlow.
    """
    import keras

    place = Path(path)
    if not place.exists():
        raise ValueError(f"no file or folder {path} (looked in {Path.cwd()})")
    if kind_of(path) == "folder":
        return _of_folder(path)
    safe = options.get("safe_mode", True)
    try:
        if place.suffix == ".json":
            loaded = keras.saving.deserialize_keras_object(json.loads(place.read_text("utf-8")), safe_mode=safe)
        else:
            with warnings.catch_warnings():
                # A model that was compiled and not trained has no state of its optimizer, and needs none.
                warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
                loaded = keras.saving.load_model(place, safe_mode=safe, custom_objects=_short_names(place))
    except (ValueError, TypeError, KeyError, OSError, ImportError, AttributeError) as error:
        raise ValueError(_why_not(path, error, safe=safe)) from error
    if not isinstance(loaded, keras.Model):
        raise ValueError(f"{path} holds a {type(loaded).__name__}, not a Keras model")
    return loaded


def _short_names(place: Path) -> dict[str, Any] | None:
    """Losses that Keras writes into a `.h5` file by a short name, and does not find by it when it reads the file."""
    import keras

    if place.suffix == ".keras":
        return None
    return {
        "mse": keras.losses.mean_squared_error,
        "mae": keras.losses.mean_absolute_error,
        "mape": keras.losses.mean_absolute_percentage_error,
        "msle": keras.losses.mean_squared_logarithmic_error,
    }


def _why_not(path: str, error: Exception, *, safe: bool) -> str:
    import keras

    said = " ".join(str(error).split())
    if safe and ("safe_mode" in said or "unsafe_deserialization" in said):
        return f"{path} holds code, which Keras does not run in its safe mode: {UNSAFE_REMEDY} ({said})"
    return (
        f"Keras {keras.__version__} cannot build a model from {path}: {type(error).__name__}: {said}. Classes of your"
        " own must be imported first: load it in a function, model.py:build"
    )


def _of_folder(path: str) -> "keras.Model":
    """A model around the function that a SavedModel serves."""
    import keras

    if not (Path(path) / SAVED_MODEL_FILE).is_file():
        raise ValueError(f"{path} is a folder without {SAVED_MODEL_FILE}: expected a SavedModel")
    if keras.backend.backend() != "tensorflow":
        raise NotImplementedError(
            f"{path} is a SavedModel, a graph of TensorFlow, which Keras runs on TensorFlow alone: --backend tensorflow"
        )
    layer, inputs = _served(path)
    return keras.Model(inputs, layer(inputs), name=Path(path).resolve().name or "saved_model")


def _served(path: str) -> tuple[Any, Any]:
    """The layer that runs a SavedModel, and inputs as it takes them."""
    import keras
    import tensorflow as tf

    class TFSMLayer(keras.layers.TFSMLayer):  # type: ignore[misc]  # Keras has no types
        """A signature of several inputs takes them by name."""

        def call(self, inputs: Any, training: bool = False) -> Any:
            named = isinstance(inputs, dict) and not hasattr(self._reloaded_obj, self.call_endpoint)
            return self.call_endpoint_fn(**inputs) if named else self.call_endpoint_fn(inputs)

    loaded = tf.saved_model.load(path)
    endpoint = "serve" if hasattr(loaded, "serve") else "serving_default"
    if endpoint != "serve" and endpoint not in loaded.signatures:
        raise ValueError(f"{path} serves {list(loaded.signatures)}, and neither serve nor serving_default")
    function = loaded.serve if endpoint == "serve" else loaded.signatures[endpoint]
    concrete = function.concrete_functions[0] if hasattr(function, "concrete_functions") else function
    positional, named = concrete.structured_input_signature
    wanted = positional[0] if positional else dict(named)
    if positional[1:] or (positional and named):
        raise ValueError(f"{path}: {endpoint} takes several arguments; export a model that takes one structure")

    def as_input(spec: Any) -> Any:
        if spec.shape.rank is None:
            raise ValueError(f"{path}: the rank of its input {spec.name} is open")
        return keras.Input(batch_shape=tuple(spec.shape), dtype=spec.dtype.name, name=_plain_name(spec.name))

    return TFSMLayer(path, call_endpoint=endpoint, trainable=False), tf.nest.map_structure(as_input, wanted)


def _plain_name(name: str | None) -> str | None:
    return name.replace("/", "_").replace(":", "_") if name else None
