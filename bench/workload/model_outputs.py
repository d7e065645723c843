"""The outputs of a model: name, shape, dtype and last activation of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What leaves the values of an output as they are, or only moves them.
_TRANSPARENT = frozenset(
    ["Activation", "Reshape", "Flatten", "Cast", "Identity", "Squeeze", "ExpandDims", "Dropout", "Permute", "Transpose"]
)
_ACTIVATIONS = ("softmax", "sigmoid", "log_softmax")


@dataclass(frozen=True)
class ModelOutput:
    """One output.

    Attributes:
        name: of the layer that makes it or, for a dict of outputs that no layer declares, its key.
        shape: with the batch axis.
        dtype: name of a Keras dtype.
        activation: `softmax`, `sigmoid`, `log_softmax`, or empty for anything else.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    activation: str = ""


def model_outputs(model: Any, x: Any) -> list[ModelOutput]:
    """The outputs of `model` for the inputs `x`, flat and in Keras's order.

    A model that does not declare its outputs is called on `x`, which also builds it. One that only has a `train_step`
    has none.
    """
    import keras

    if getattr(model, "inputs", None) and getattr(model, "outputs", None):
        shapes = _shapes(model, x)
        return [
            ModelOutput(name, shape, str(tensor.dtype), activation_of(tensor, model))
            for name, shape, tensor in zip(output_names(model), shapes, model.outputs, strict=True)
        ]
    if not has_call(model):
        return []
    made = model(keras.tree.map_structure(as_tensor, x))
    keys = sorted(made) if isinstance(made, Mapping) else None
    leaves = keras.tree.flatten(made)
    return [
        ModelOutput(
            str(keys[number]) if keys and len(keys) == len(leaves) else f"output_{number}",
            tuple(leaf.shape),
            keras.backend.standardize_dtype(leaf.dtype),
            _last_activation(model) if len(leaves) == 1 else "",
        )
        for number, leaf in enumerate(leaves)
    ]


def declared_outputs(model: Any) -> list[ModelOutput]:
    """The outputs that a model declares, of one example; what is open in them counts as 1."""
    return [
        ModelOutput(
            name, (1, *(size or 1 for size in tensor.shape[1:])), str(tensor.dtype), activation_of(tensor, model)
        )
        for name, tensor in zip(output_names(model), model.outputs, strict=True)
    ]


def as_tensor(value: Any) -> Any:
    """A tensor of the backend; strings stay arrays until TensorFlow takes them."""
    import keras

    if getattr(getattr(value, "dtype", None), "kind", "") == "O":
        import tensorflow as tf

        return tf.convert_to_tensor(value)
    return keras.ops.convert_to_tensor(value)


def has_call(model: Any) -> bool:
    """Whether a model has a forward pass: its class, or one that it inherits from, defines `call`."""
    import keras

    return isinstance(model, keras.Function | keras.Sequential) or type(model).call not in (
        keras.Layer.call,
        keras.Model.call,
    )


def require_call(model: Any, name: str) -> None:
    """Refuse a model that only trains, such as a pair of adversarial networks.

    Raises:
        NotImplementedError: it has no forward pass.
    """
    if not has_call(model):
        raise NotImplementedError(
            f"{name} has no call(), so it can neither infer nor be counted: use --mode train, or name a network of it"
        )


def last_weights(model: Any) -> list[bool]:
    """For each trainable weight of `model`, whether it is of a last layer with weights before a declared output."""
    found: set[int] = set()
    for tensor in getattr(model, "outputs", None) or ():
        _mark_last(tensor, found)
    return [id(weight) in found for weight in model.trainable_variables]


def _mark_last(tensor: Any, found: set[int]) -> None:
    import keras

    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return
    operation = history.operation
    if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
        _mark_last(operation.outputs[min(history.tensor_index, len(operation.outputs) - 1)], found)
    elif weights := getattr(operation, "trainable_variables", None):
        found.update(id(weight) for weight in weights)
    else:
        for argument in operation._inbound_nodes[history.node_index].input_tensors:
            _mark_last(argument, found)


def output_names(model: Any) -> list[str]:
    """Names of the declared outputs, which in Keras 3 are those of the layers that make them."""
    return list(getattr(model, "output_names", None) or [model.layers[-1].name])


def activation_of(tensor: Any, model: Any) -> str:
    """The activation that made a symbolic output: of a layer, or an operation such as `keras.ops.softmax`."""
    import keras

    history = getattr(tensor, "_keras_history", None)
    while history is not None:
        operation = history.operation
        if isinstance(operation, keras.Model):
            if not getattr(operation, "outputs", None):
                # A subclass does not say what makes its outputs.
                return _last_activation(operation)
            inner = operation.outputs[min(history.tensor_index, len(operation.outputs) - 1)]
            return activation_of(inner, operation)
        found = _activation_named(operation)
        if found or type(operation).__name__ not in _TRANSPARENT:
            return found
        arguments = operation._inbound_nodes[history.node_index].input_tensors
        history = getattr(arguments[0], "_keras_history", None) if arguments else None
    return _last_activation(model)


def _last_activation(model: Any) -> str:
    import keras

    layers = getattr(model, "layers", None)
    if not layers:
        return ""
    return _last_activation(layers[-1]) if isinstance(layers[-1], keras.Model) else _activation_named(layers[-1])


def _activation_named(operation: Any) -> str:
    name = getattr(getattr(operation, "activation", None), "__name__", type(operation).__name__.lower())
    name = "log_softmax" if name == "logsoftmax" else name
    return name if name in _ACTIVATIONS else ""


def _shapes(model: Any, x: Any) -> list[tuple[int, ...]]:
    """The shapes of the declared outputs for the inputs `x`, also where the model leaves lengths open."""
    import keras

    batch_size = len(keras.tree.flatten(x)[0])
    own = [tuple(tensor.shape[1:]) for tensor in model.outputs]
    if not any(None in shape for shape in own):
        return [(batch_size, *shape) for shape in own]
    # numpy's strings are objects, and never have an open shape of their own here.
    symbols = keras.tree.map_structure(lambda array: keras.KerasTensor(array.shape, dtype=array.dtype.name), x)
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(model.compute_output_spec(symbols))]
    if any(None in shape for shape in shapes):
        # A layer that says less than it computes, such as EinsumDense with an open `output_shape`.
        made = model(keras.tree.map_structure(as_tensor, x))
        shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(made)]
    return shapes
