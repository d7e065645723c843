"""How a model is compiled for measuring: its own settings if it has any, else a rule by its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anatomy.bench.counting.shapes import variable_bytes
from anatomy.bench.records.case import Jit
from anatomy.bench.workload.learnable_data import NO_LOSS
from anatomy.bench.workload.model_outputs import ModelOutput, declared_outputs, output_names

JIT_ARGUMENT: dict[Jit, bool | str] = {"auto": "auto", "on": True, "off": False}
LEARNING_RATE = 0.01
# Of a squared error, which has no bound: at 0.01, outputs of a hundred diverge within ten steps.
CAREFUL_LEARNING_RATE = 1e-4
MOMENTUM = 0.9
_LOSS_OF = {
    "softmax": "sparse_categorical_crossentropy",
    "sigmoid": "binary_crossentropy",
    "": "mean_squared_error",
}


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        losses: name of the loss of each output, such as `mean_squared_error`; `NO_LOSS` where an output has none.
        unjudged: why a loss that does not go down says nothing about the step; empty if it does.
        chosen_optimizer: whether the optimizer is Anatomy's choice.
    """

    losses: list[str]
    unjudged: str = ""
    chosen_optimizer: bool = False


def compile_model(
    model: Any, jit: Jit, loss_weights: Mapping[str, float], outputs: Sequence[ModelOutput] | None = None
) -> Training:
    """Compile `model` with SGD and momentum (as the zoo's papers do), unless it comes compiled.

    A model that comes compiled keeps its optimizer and its losses; only `jit` is applied when it is not `auto`. One
    that comes with an optimizer and nothing to train on gets losses. The loss of an output follows its activation:
    softmax → sparse categorical cross-entropy, sigmoid → binary cross-entropy, anything else → mean squared error.
    """
    import keras

    outputs = declared_outputs(model) if outputs is None else outputs
    if model.compiled and model.optimizer is not None:
        _renew_empty_optimizer(model)
    if model.compiled and model.optimizer is not None and not _lacks_loss(model):
        if jit != "auto":
            model.jit_compile = JIT_ARGUMENT[jit]
        return Training(loss_names(model, outputs), _unjudged(model))
    losses = [_LOSS_OF.get(output.activation, "mean_squared_error") for output in outputs]
    weights = [loss_weights.get(output.name, 1.0) for output in outputs]
    single = len(losses) == 1
    unbounded = "mean_squared_error" in losses
    chosen = keras.optimizers.SGD(CAREFUL_LEARNING_RATE if unbounded else LEARNING_RATE, momentum=MOMENTUM)
    own = model.optimizer if model.compiled else None
    model.compile(
        optimizer=chosen if own is None else own,
        loss=losses[0] if single else losses or None,
        loss_weights=None if single or not losses else weights,
        jit_compile=JIT_ARGUMENT[jit],
        run_eagerly=bool(model.compiled and model.run_eagerly),
        steps_per_execution=model.steps_per_execution if model.compiled else 1,
    )
    why = _unjudged(model)
    if not why and unbounded and own is None:
        why = f"the optimizer is Anatomy's choice, SGD({CAREFUL_LEARNING_RATE}): compile the model to have it judged"
    return Training(losses, why, own is None)


def _renew_empty_optimizer(model: Any) -> None:
    """Replace an optimizer that Keras built without a variable, as it does for a `.h5` file of a model never fitted."""
    import keras

    own = model.optimizer
    if own.built and model.trainable_variables and not own._trainable_variables:
        model.optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(own))


def dtype_policy(model: Any) -> str:
    """The name of the dtype policy of the layers with weights; of all layers if none has; all names where they differ.

    The global policy, under which a model is built, does not bind a layer that has its own.
    """
    import keras

    layers = [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, keras.Model)]
    weighted = [layer for layer in layers if layer.weights]
    names = dict.fromkeys(layer.dtype_policy.name for layer in weighted or layers)
    return ", ".join(names) or str(model.dtype_policy.name)


def optimizers(model: Any) -> list[Any]:
    """The optimizers that a compiled model trains with; several are attributes of a model with its own `train_step`."""
    import keras

    own = [value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)]
    others = [optimizer for optimizer in own if optimizer is not model.optimizer]
    if others and trains_itself(model) == "train_step":
        return others
    return [model.optimizer]


def optimizer_bytes(optimizer: Any) -> int:
    """Bytes of the variables of a built optimizer, without its learning rate and step counter."""
    return sum(
        variable_bytes(variable)
        for variable in optimizer.variables
        if variable.name not in ("iteration", "learning_rate")
    )


def loss_names(model: Any, outputs: Sequence[ModelOutput] | None = None) -> list[str]:
    """Of a compiled model: one name an output, such as `mean_squared_error`; `NO_LOSS` where an output has none.

    Raises:
        ValueError: a dict of losses does not name the outputs as Keras wants it to.
    """
    outputs = declared_outputs(model) if outputs is None else outputs
    return [loss_name(loss) for loss in ordered_losses(model, outputs)]


def ordered_losses(model: Any, outputs: Sequence[ModelOutput]) -> list[Any]:
    """The losses that a model was compiled with, in the order of its outputs; `None` where an output has none.

    Raises:
        ValueError: a dict of losses does not name the outputs as Keras wants it to.
    """
    loss = getattr(model, "loss", None)
    if isinstance(loss, dict):
        return _by_output(loss, model, outputs)
    losses = list(loss) if isinstance(loss, list | tuple) else [loss]
    return losses if len(losses) == len(outputs) else losses * len(outputs)


def loss_name(loss: Any) -> str:
    """As Keras resolves it: `bce`, `BinaryCrossentropy` and the function are all `binary_crossentropy`."""
    import keras

    found = keras.losses.get(loss)
    return NO_LOSS if found is None else str(getattr(found, "name", None) or getattr(found, "__name__", found))


def trains_itself(model: Any) -> str:
    """The method by which a model trains in its own way, `train_step` or `compute_loss`; empty if there is none."""
    import keras

    own = (
        name
        for name in ("train_step", "compute_loss")
        if not _is_kerass(getattr(type(model), name, None), keras.Model, name)
    )
    return next(own, "")


def _is_kerass(method: Any, base: Any, name: str) -> bool:
    # A backend that does not train has no such method.
    return method is getattr(base, name, None) or str(getattr(method, "__module__", "")).startswith("keras.")


def _lacks_loss(model: Any) -> bool:
    """Whether a compiled model has nothing to train on: no loss, none that a layer adds, no way of its own."""
    given = getattr(model, "loss", None)
    losses = given.values() if isinstance(given, dict) else given if isinstance(given, list | tuple) else [given]
    return all(loss is None for loss in losses) and not trains_itself(model) and not _adds_losses(model)


def _adds_losses(model: Any) -> bool:
    """Whether a layer calls `add_loss`, by its code: calling the model would say so only on some backends."""
    layers = model._flatten_layers()
    return any("add_loss" in getattr(getattr(type(layer).call, "__code__", None), "co_names", ()) for layer in layers)


def _unjudged(model: Any) -> str:
    if own := trains_itself(model):
        return f"the model has a {own} of its own"
    given = getattr(model, "loss", None)
    losses = given.values() if isinstance(given, dict) else given if isinstance(given, list | tuple) else [given]
    strangers = [loss_name(loss) for loss in losses if loss is not None and not _is_built_in(loss)]
    if strangers:
        return f"the loss {strangers[0]} is the model's own"
    return "its losses are those that its layers add" if all(loss is None for loss in losses) else ""


def _is_built_in(loss: Any) -> bool:
    import keras

    found = keras.losses.get(loss)
    where = (
        getattr(found, "__module__", "") if callable(found) and hasattr(found, "__name__") else type(found).__module__
    )
    return str(where).startswith("keras.")


def _by_output(losses: Mapping[str, Any], model: Any, outputs: Sequence[ModelOutput]) -> list[Any]:
    """The losses in the order of the outputs, which is not that of the dict."""
    made: Any = getattr(model, "output", None) if getattr(model, "inputs", None) else None
    declared = bool(getattr(model, "inputs", None))
    keyed = isinstance(made, dict) or not declared
    # Keras sorts the keys when it flattens a dict of outputs, and only there lets a loss be left out.
    names = sorted(made) if isinstance(made, dict) else output_names(model) if declared else [o.name for o in outputs]
    unknown = [name for name in losses if name not in names]
    left_out = [] if keyed else [name for name in names if name not in losses]
    if unknown or left_out or len(names) != len(outputs):
        raise ValueError(
            f"model {model.name!r} is compiled with losses for {list(losses)}, and its outputs are {names};"
            " give `loss` each of these names, with None for an output that has no loss"
        )
    return [losses.get(name) for name in names]
