"""Builds models of the zoo and of the user, with what a builder returns beside them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anatomy.models.builder_outcomes import outcomes_as_errors
from anatomy.models.find_object import find_object, require_builder
from anatomy.models.model_name import kind_of
from anatomy.models.pretrained_weights import without_download
from anatomy.models.registry import build
from anatomy.models.returned_network import hold_network
from anatomy.models.returned_object import NotAModelError, describe, is_torch_module
from anatomy.models.saved_model import load_saved

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class BuiltModel:
    """What a builder returned.

    Attributes:
        model: the model.
        data: what a builder that returns a tuple returned beside it, untouched: the one item, or a tuple of several;
            `None` where it returned the model alone.
    """

    model: "keras.Model"
    data: Any = None


def build_any(model: str, options: Mapping[str, Any]) -> "keras.Model":
    """Build a model of the zoo or of the user.

    Args:
        model: name of the zoo, `package.module:function`, `path/file.py:function`, or the path of a saved model. For a
            function, a class or a model may stand; `Class.method` is called on a new instance.
        options: keyword arguments of the builder or the function.

    Raises:
        ValueError: there is no such model, or the options do not fit.
        TypeError: the user's function does not return a Keras model.
        NotImplementedError: it skipped itself, as a test does.
    """
    return build_with_data(model, options).model


def build_with_data(model: str, options: Mapping[str, Any]) -> BuiltModel:
    """Build a model as `build_any` does, and keep what its builder returned beside it: `return model, batch`."""
    kind = kind_of(model)
    if kind == "zoo":
        return BuiltModel(build(model, **options))
    if kind != "function":
        return BuiltModel(load_saved(model, options))
    import keras

    found = find_object(model)
    if isinstance(found, keras.Model):
        if options:
            raise ValueError(f"{model} is a model, not a function: it takes no options, got {', '.join(options)}")
        return BuiltModel(found)
    if is_torch_module(found) and not isinstance(found, type):
        return built_model(model, found)
    if isinstance(found, keras.layers.Layer):
        raise NotAModelError(f"{model} is {_describe(found)}")
    builder = require_builder(model, found)
    given = without_download(model, builder, options)
    if isinstance(builder, type) and issubclass(builder, keras.Model):
        given = {name: _object_of(value) for name, value in given.items()}
    with outcomes_as_errors(model):
        return built_model(model, builder(**given))


def built_model(model: str, built: Any) -> BuiltModel:
    """The model in what the function of `model` returned, and what came beside it.

    A torch module, and a JAX function with its parameters, come in a Keras model that holds them.

    Raises:
        TypeError: there is none; the message says what it is, and what to return.
    """
    import keras

    if isinstance(built, tuple) and built and isinstance(built[0], keras.Model):
        rest = tuple(built[1:])
        return BuiltModel(built[0], rest[0] if len(rest) == 1 else rest or None)
    if (held := hold_network(model, built)) is not None:
        network, rest = held
        return BuiltModel(network, rest[0] if len(rest) == 1 else rest or None)
    if not isinstance(built, keras.Model):
        if inspect.iscoroutine(built):
            built.close()
        raise NotAModelError(f"{model} returned {_describe(built)}")
    return BuiltModel(built)


def _describe(value: Any) -> str:
    import keras

    return describe(value, lambda one: isinstance(one, keras.layers.Layer))


def _object_of(value: Any) -> Any:
    """The object that a value describes as Keras serialises it, such as the backbone of a task; others as they are."""
    import keras

    if isinstance(value, dict) and {"class_name", "config"} <= value.keys():
        return keras.saving.deserialize_keras_object(value)
    return value
