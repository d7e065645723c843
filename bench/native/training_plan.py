"""How a compiled Keras model trains, as a native program needs to know it: losses on logits, and an optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.learning_rates import Schedule, learning_rate
from anatomy.bench.native.model_graph import ModelGraph
from anatomy.bench.workload.compile_model import loss_name, ordered_losses, trains_itself
from anatomy.bench.workload.model_outputs import ModelOutput

# Loss → the activation whose logits it can be computed from.
_ON_LOGITS = {
    "sparse_categorical_crossentropy": "softmax",
    "categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
}
LOSSES = (*_ON_LOGITS, "mean_squared_error", "mean_absolute_error", "huber")
# Loss → the options that are translated, with Keras's defaults.
_LOSS_OPTIONS: Mapping[str, Mapping[str, float]] = {
    "categorical_crossentropy": {"label_smoothing": 0.0},
    "binary_crossentropy": {"label_smoothing": 0.0},
    "huber": {"delta": 1.0},
}
# Optimizer → the attributes that say how it updates.
_OPTIMIZERS: Mapping[str, Sequence[str]] = {
    "SGD": ("momentum", "nesterov"),
    "Adam": ("beta_1", "beta_2", "epsilon"),
    "AdamW": ("beta_1", "beta_2", "epsilon", "weight_decay"),
    "RMSprop": ("rho", "momentum", "epsilon"),
}
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_REFUSED = ("use_ema", "loss_scale_factor", "gradient_accumulation_steps")


@dataclass(frozen=True)
class Loss:
    """The loss of one output, a mean over the batch.

    Attributes:
        name: Keras's name of it.
        logits: whether the output is that before its softmax or sigmoid.
        weight: by which it is multiplied.
        label_smoothing: share of each target that is spread over all classes.
        delta: of Huber's loss, where it turns from squares to sizes.
    """

    name: str
    logits: bool
    weight: float
    label_smoothing: float = 0.0
    delta: float = 1.0


@dataclass(frozen=True)
class Optimizer:
    """How weights are updated.

    Attributes:
        name: Keras's class, such as `SGD`.
        learning_rate: constant, or by the number of updates.
        options: the class's own arguments.
        clipping: how gradients are clipped before, as `("global_clipnorm", 1.0)`; `None` if they are not.
    """

    name: str
    learning_rate: float | Schedule
    options: Mapping[str, Any]
    clipping: tuple[str, float] | None = None


@dataclass(frozen=True)
class Penalty:
    """What the regularizer of a weight adds to the loss: `l1 · Σ|w| + l2 · Σw²`.

    Attributes:
        variable: of Keras.
    """

    variable: Any
    l1: float
    l2: float


@dataclass(frozen=True)
class TrainingPlan:
    """What a program needs to train: one loss an output (`None` for an output without), optimizer and penalties."""

    losses: tuple[Loss | None, ...]
    optimizer: Optimizer
    penalties: tuple[Penalty, ...] = ()


def training_plan(model: Any, outputs: Sequence[ModelOutput], graph: ModelGraph) -> tuple[TrainingPlan, ModelGraph]:
    """The plan of a compiled model, and its graph as it is trained: without the activations that the losses contain.

    Raises:
        NotImplementedError: the model trains in a way that is not translated; the message names it.
    """
    if own := trains_itself(model):
        raise NotImplementedError(f"{model.name} has a {own} of its own, which is not translated; use --mode infer")
    _require_plain_layers(model)
    losses, ends = [], list(graph.outputs)
    weights = _weights(model, outputs)
    for number, (given, weight) in enumerate(zip(ordered_losses(model, outputs), weights, strict=True)):
        loss = None if given is None else _loss(given, weight)
        maker = graph.maker(ends[number])
        if loss is not None and not loss.logits and maker is not None and _contains(loss, maker.operation):
            loss = replace(loss, logits=True)
            ends[number] = maker.input
        losses.append(loss)
    plan = TrainingPlan(tuple(losses), _optimizer(model.optimizer), _penalties(model))
    return plan, _needed(replace(graph, outputs=tuple(ends)))


def _contains(loss: Loss, operation: Any) -> bool:
    return isinstance(operation, Activation) and operation.name == _ON_LOGITS.get(loss.name)


def _needed(graph: ModelGraph) -> ModelGraph:
    """The graph without calls that nothing takes."""
    wanted, kept = set(graph.outputs), []
    for call in reversed(graph.calls):
        if wanted & set(call.outputs):
            kept.append(call)
            wanted |= set(call.inputs)
    return replace(graph, calls=tuple(reversed(kept)))


def _loss(given: Any, weight: float) -> Loss:
    import keras

    found = keras.losses.get(given)
    # A loss object may go by any name; it wraps the function that computes it.
    name = str(getattr(getattr(found, "fn", None), "__name__", loss_name(given)))
    options: dict[str, Any] = {"from_logits": False, "axis": -1, "ignore_class": None, **_LOSS_OPTIONS.get(name, {})}
    options |= getattr(found, "_fn_kwargs", {})
    plain = options["axis"] == -1 and options["ignore_class"] is None
    reduction = getattr(found, "reduction", "sum_over_batch_size")
    if name not in LOSSES or not plain or reduction not in ("sum_over_batch_size", "mean"):
        detail = f"{name} with {options}, {reduction}" if name in LOSSES else name
        raise NotImplementedError(f"the loss {detail} is not translated; translated are {', '.join(LOSSES)}")
    own = {option: float(options[option]) for option in _LOSS_OPTIONS.get(name, ())}
    return Loss(name, bool(options["from_logits"]), weight, **own)


def _weights(model: Any, outputs: Sequence[ModelOutput]) -> list[float]:
    given = model._compile_loss._user_loss_weights if model._compile_loss is not None else None
    if isinstance(given, Mapping):
        return [float(given.get(output.name, 1.0)) for output in outputs]
    if isinstance(given, list | tuple):
        return [float(weight) for weight in given]
    return [1.0 if given is None else float(given)] * len(outputs)


def _optimizer(optimizer: Any) -> Optimizer:
    name = type(optimizer).__name__
    # Before its configuration is read: Keras warns where the rate is a function.
    rate = learning_rate(optimizer) if name in _OPTIMIZERS else 0.0
    config = optimizer.get_config()
    refused = [option for option in _REFUSED if config.get(option)]
    if config.get("weight_decay") and name != "AdamW":
        refused.append("weight_decay")
    if config.get("amsgrad") or config.get("centered"):
        refused.append("amsgrad" if config.get("amsgrad") else "centered")
    if name not in _OPTIMIZERS or refused:
        what = f"{name} with {', '.join(refused)}" if refused else name
        raise NotImplementedError(f"the optimizer {what} is not translated; translated are {', '.join(_OPTIMIZERS)}")
    clipping = next(((option, float(config[option])) for option in _CLIPPING if config.get(option)), None)
    return Optimizer(name, rate, {key: config[key] for key in _OPTIMIZERS[name]}, clipping)


def _penalties(model: Any) -> tuple[Penalty, ...]:
    """As Keras adds them: of weights that are trained alone."""
    import keras

    found = []
    for variable in model.trainable_variables:
        regularizer = getattr(variable, "regularizer", None)
        if regularizer is None:
            continue
        kinds = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
        if type(regularizer) not in kinds:
            raise NotImplementedError(
                f"weight {variable.path} has the regularizer {type(regularizer).__name__}, which is not translated;"
                " translated are L1, L2, L1L2"
            )
        factors = (float(getattr(regularizer, "l1", 0.0)), float(getattr(regularizer, "l2", 0.0)))
        found.append(Penalty(variable, *factors))
    return tuple(found)


def _require_plain_layers(model: Any) -> None:
    for layer in model._flatten_layers(include_self=False):
        if getattr(layer, "activity_regularizer", None) is not None:
            raise NotImplementedError(f"layer {layer.name} has an activity_regularizer, which is not translated")
