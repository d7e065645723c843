"""How a model is compiled for measuring: its own settings if it has any, else a rule by its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anatomy.bench.counting.shapes import variable_bytes
from anatomy.bench.records.case import Jit
from anatomy.bench.workload.learnable_data import NO_LOSS

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
        return loss_names(model)
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


def optimizer_bytes(optimizer: Any) -> int:
    """Bytes of the variables of a built optimizer, without its learning rate and step counter."""
    return sum(
        variable_bytes(variable)
        for variable in optimizer.variables
        if variable.name not in ("iteration", "learning_rate")
    )


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


def loss_names(model: Any) -> list[str]:
    """Of a compiled model: one name an output, such as `mean_squared_error`; `NO_LOSS` where an output has none.

    Raises:
        ValueError: a dict of losses does not name the outputs as Keras wants it to.
    """
    loss, outputs = model.loss, len(model.outputs)
    if isinstance(loss, dict):
        losses = _by_output(loss, model)
    else:
        losses = list(loss) if isinstance(loss, list | tuple) else [loss]
    names = [_name_of(item) for item in losses]
    return names if len(names) == outputs else names * outputs


def _name_of(loss: Any) -> str:
    """As Keras resolves it: `bce`, `BinaryCrossentropy` and the function are all `binary_crossentropy`."""
    import keras

    found = keras.losses.get(loss)
    return NO_LOSS if found is None else str(getattr(found, "name", None) or getattr(found, "__name__", found))


def _by_output(losses: Mapping[str, Any], model: Any) -> list[Any]:
    """The losses in the order of the outputs, which is not that of the dict."""
    made: Any = getattr(model, "output", None)
    keyed = isinstance(made, dict)
    # Keras sorts the keys when it flattens a dict of outputs, and only there lets a loss be left out.
    names = sorted(made) if keyed else output_names(model)
    unknown = [name for name in losses if name not in names]
    left_out = [] if keyed else [name for name in names if name not in losses]
    if unknown or left_out or len(names) != len(model.outputs):
        raise ValueError(
            f"model {model.name!r} is compiled with losses for {list(losses)}, and its outputs are {names};"
            " give `loss` each of these names, with None for an output that has no loss"
        )
    return [losses.get(name) for name in names]
