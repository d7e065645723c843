"""How a model is compiled for measuring: its own settings if it has any, else a rule by its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anatomy.bench.case import Jit

JIT_ARGUMENT: dict[Jit, bool | str] = {"auto": "auto", "on": True, "off": False}
LEARNING_RATE = 0.01
MOMENTUM = 0.9


def compile_model(model: Any, jit: Jit, loss_weights: Mapping[str, float]) -> list[str]:
    """Compile `model` with SGD and momentum (as the zoo's papers do) and return its losses by output.

    A model that comes compiled keeps its optimizer and its losses; only `jit` is applied when it
    is not `auto`. The loss of an output follows its activation: softmax → sparse categorical
    cross-entropy, sigmoid → binary cross-entropy, anything else → mean squared error.
    """
    import keras

    if model.compiled and model.optimizer is not None:
        if jit != "auto":
            model.jit_compile = JIT_ARGUMENT[jit]
        return _names_of(model.loss, len(model.outputs))
    names = output_names(model)
    losses = [_loss_of(name, model) for name in names]
    weights = [loss_weights.get(name, 1.0) for name in names]
    single = len(losses) == 1
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM),
        loss=losses[0] if single else losses,
        loss_weights=None if single else weights,
        jit_compile=JIT_ARGUMENT[jit],
    )
    return losses


def output_names(model: Any) -> list[str]:
    """Names of the outputs, which in Keras 3 are those of the layers that make them."""
    return list(getattr(model, "output_names", None) or [model.layers[-1].name])


def _loss_of(output_name: str, model: Any) -> str:
    import keras

    layer = next((layer for layer in model.layers if layer.name == output_name), model.layers[-1])
    if isinstance(layer, keras.Model):
        return _loss_of(output_names(layer)[0], layer)
    activation = getattr(getattr(layer, "activation", None), "__name__", type(layer).__name__.lower())
    return {"softmax": "sparse_categorical_crossentropy", "sigmoid": "binary_crossentropy"}.get(
        activation, "mean_squared_error"
    )


def _names_of(loss: Any, outputs: int) -> list[str]:
    losses = list(loss.values()) if isinstance(loss, dict) else loss if isinstance(loss, list) else [loss]
    names = [str(getattr(item, "name", None) or getattr(item, "__name__", item)) for item in losses]
    return names if len(names) == outputs else names * outputs
