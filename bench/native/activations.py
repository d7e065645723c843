"""The activation function of a layer, apart from the layer: a loss on logits leaves the last one out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Activation:
    """An activation function that a call applies; Keras's layers hold theirs inside.

    Attributes:
        name: Keras's name of the function, such as `relu` or `softmax`; a module and name if it is not Keras's.
        options: its arguments, such as `{"negative_slope": 0.1}`; those that are left out have Keras's defaults.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


# Operation of `keras.ops` → name of the activation; their arguments are attributes of the same names.
_OPERATIONS = {
    "Relu": ("relu", ()),
    "Relu6": ("relu6", ()),
    "Sigmoid": ("sigmoid", ()),
    "Tanh": ("tanh", ()),
    "Softplus": ("softplus", ()),
    "Softsign": ("softsign", ()),
    "Silu": ("silu", ()),
    "Selu": ("selu", ()),
    "HardSigmoid": ("hard_sigmoid", ()),
    "HardSilu": ("hard_silu", ()),
    "LogSoftmax": ("log_softmax", ("axis",)),
    "Softmax": ("softmax", ("axis",)),
    "Elu": ("elu", ("alpha",)),
    "LeakyRelu": ("leaky_relu", ("negative_slope",)),
    "Gelu": ("gelu", ("approximate",)),
}


def activation_of(operation: Any) -> Activation | None:
    """The activation that a layer or an operation of Keras ends with; `None` for a layer that has none.

    Recurrent layers and attention keep theirs, which they apply inside.
    """
    from keras import layers

    kind = type(operation)
    if kind.__module__.startswith("keras.src.ops.") and kind.__name__ in _OPERATIONS:
        name, options = _OPERATIONS[kind.__name__]
        return Activation(name, {option: getattr(operation, option) for option in options})
    if kind is layers.ReLU:
        given = {name: getattr(operation, name) for name in ("max_value", "negative_slope", "threshold")}
        return Activation("relu", {name: value for name, value in given.items() if value})
    if kind is layers.LeakyReLU:
        return Activation("leaky_relu", {"negative_slope": operation.negative_slope})
    if kind is layers.ELU:
        return Activation("elu", {"alpha": float(operation.alpha)})
    if kind is layers.Softmax:
        return Activation("softmax", {"axis": operation.axis})
    return _named(operation.activation) if isinstance(operation, _with_activation()) else None


def without_activation(operation: Any) -> bool:
    """Whether something is left of it when its activation is taken away."""
    from keras import layers

    return isinstance(operation, _with_activation()) and type(operation) is not layers.Activation


def _with_activation() -> tuple[Any, ...]:
    from keras import layers
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
    from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
    from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv

    convolutions = (BaseConv, BaseConvTranspose, BaseDepthwiseConv, BaseSeparableConv)
    return (layers.Activation, layers.Dense, layers.EinsumDense, *convolutions)


def _named(function: Any) -> Activation:
    import keras

    name = getattr(function, "__name__", type(function).__name__)
    if function is None or getattr(keras.activations, name, None) is function:
        return Activation(name if function is not None else "linear")
    return Activation(f"{getattr(function, '__module__', '')}.{name}")
