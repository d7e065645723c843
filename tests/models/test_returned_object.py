"""What a builder returns in place of a Keras model is named, and no framework is imported to know it."""

import sys
from types import ModuleType
from typing import Any

import pytest

from anatomy.models.returned_object import describe, foreign_object


class Layer:
    """Stands in for `keras.layers.Layer`."""


def foreign(module: str, name: str, base: str = "Module") -> Any:
    """An instance of a user's class `name` whose base is `module.base`."""
    return type(name, (type(base, (), {"__module__": module}),), {"__module__": "mine"})()


def instance(module: str, name: str, base_module: str) -> Any:
    """An instance of a class of the framework itself."""
    base = type("Module", (), {"__module__": base_module})
    return type(name, (base,), {"__module__": module})()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (foreign("torch.nn.modules.module", "Net"), "a mine.Net, a torch module, not a Keras model: return it"),
        (instance("torch.nn.modules.container", "Sequential", "torch.nn.modules.module"), "a torch.nn.Sequential, not"),
        (foreign("torch.nn.modules.module", "Net"), "keras.layers.TorchModuleWrapper(module, output_shape"),
        (foreign("flax.linen.module", "Net"), "keras.layers.FlaxLayer(module)"),
        (instance("flax.nnx.nn.linear", "Linear", "flax.nnx.module"), "a flax.nnx.Linear, not a Keras model"),
        (
            foreign("flax.linen.module", "Net"),
            "return (lambda params, x: module.apply(params, x), params), and measure",
        ),
        (
            instance("flax.nnx.nn.linear", "Linear", "flax.nnx.module"),
            "return (lambda params, x: nnx.merge(graph, params)",
        ),
        (foreign("equinox._module", "Net"), "return (lambda params, x: eqx.combine(params, static)(x), params)"),
        (foreign("tensorflow.python.module.module", "Net"), "a mine.Net, a tf.Module, not a Keras model"),
        (foreign("tf_keras.src.engine.training", "Net", "Model"), "Keras 2"),
        (None, "None, not a Keras model: does it end with `return model`?"),
        ({"class_name": "Sequential"}, "a dict, not a Keras model"),
        ((1, "a"), "a tuple of (int, str), not a Keras model; a tuple may follow a model with its data"),
        ([Layer()], "a list of (tests.models.test_returned_object.Layer)"),
        (
            (foreign("flax.linen.module", "Net"), {}),
            "a tuple that begins with a mine.Net, a module of Flax, not a Keras",
        ),
        ("model.keras", "keras.saving.load_model('model.keras')"),
        (Layer(), "a layer and not a model: keras.Sequential("),
        (Layer, "the class tests.models.test_returned_object.Layer, not a Keras model: call it"),
        (foreign, "a function, foreign, not a Keras model: call it"),
        (sys, "the module sys"),
        (3, "an int, not a Keras model"),
    ],
)
def test_what_is_no_model_is_named(value: Any, said: str) -> None:
    assert said in describe(value, lambda one: isinstance(one, Layer))


def test_on_torch_the_layers_of_keras_are_no_foreign_modules() -> None:
    base = type("Module", (), {"__module__": "torch.nn.modules.module"})
    layer = type("Layer", (base,), {"__module__": "keras.src.layers.layer"})
    assert foreign_object(type("Mine", (layer,), {})()) is None
    assert foreign_object(ModuleType("torch")) is None
