"""Activation functions in JAX and in TensorFlow."""

from __future__ import annotations

from typing import Any

from keras import layers

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import Framework, translates, untranslatable

# Name → template in JAX, in TensorFlow; {} is the value.
_PLAIN = {
    "linear": ("{}", "{}"),
    "relu": ("jax.nn.relu({})", "tf.nn.relu({})"),
    "relu6": ("jax.nn.relu6({})", "tf.nn.relu6({})"),
    "sigmoid": ("jax.nn.sigmoid({})", "tf.sigmoid({})"),
    "tanh": ("jnp.tanh({})", "tf.tanh({})"),
    "exponential": ("jnp.exp({})", "tf.exp({})"),
    "softplus": ("jax.nn.softplus({})", "tf.nn.softplus({})"),
    "softsign": ("jax.nn.soft_sign({})", "tf.nn.softsign({})"),
    "silu": ("jax.nn.silu({})", "tf.nn.silu({})"),
    "selu": ("jax.nn.selu({})", "tf.nn.selu({})"),
    "mish": ("{0} * jnp.tanh(jax.nn.softplus({0}))", "{0} * tf.tanh(tf.nn.softplus({0}))"),
    "hard_sigmoid": ("jax.nn.hard_sigmoid({})", "tf.nn.relu6({} + 3.0) / 6.0"),
    "hard_silu": ("jax.nn.hard_silu({})", "{0} * tf.nn.relu6({0} + 3.0) / 6.0"),
    "hard_tanh": ("jax.nn.hard_tanh({})", "tf.clip_by_value({}, -1.0, 1.0)"),
    "log_sigmoid": ("jax.nn.log_sigmoid({})", "tf.math.log_sigmoid({})"),
    "leaky_relu": ("jax.nn.leaky_relu({}, {negative_slope})", "tf.nn.leaky_relu({}, {negative_slope})"),
    "elu": ("jax.nn.elu({}, {alpha})", "tf.nn.elu({})"),
    "gelu": ("jax.nn.gelu({}, approximate={approximate})", "tf.nn.gelu({}, approximate={approximate})"),
    "softmax": ("jax.nn.softmax({}, axis={axis})", "tf.nn.softmax({}, axis={axis})"),
    "log_softmax": ("jax.nn.log_softmax({}, axis={axis})", "tf.nn.log_softmax({}, axis={axis})"),
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "leaky_relu": {"negative_slope": 0.2},
    "elu": {"alpha": 1.0},
    "gelu": {"approximate": False},
    "softmax": {"axis": -1},
    "log_softmax": {"axis": -1},
}


@translates(*_PLAIN, frameworks=BOTH)
def _activation(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, activation_expression(call, call.operation, writer.value(call.input), writer.framework))


def activation_expression(call: Call, activation: Activation, value: str, framework: Framework) -> str:
    """An activation of a value, for a call that may have it inside.

    Raises:
        NotImplementedError: it has no translation.
    """
    name = activation.name
    options: dict[str, Any] = {**_DEFAULTS.get(name, {}), **activation.options}
    axis = options.get("axis", -1)
    fixed_elu = name == "elu" and framework == "tensorflow" and options["alpha"] != 1
    if name not in _PLAIN or not isinstance(axis, int) or fixed_elu:
        raise untranslatable(call, f"the activation {name} with {options}")
    if name == "relu" and options:
        if options == {"max_value": 6}:
            return activation_expression(call, Activation("relu6"), value, framework)
        return f"relu({value}, {', '.join(f'{option}={number}' for option, number in options.items())})"
    if axis == -1:
        return _PLAIN[name][framework == "tensorflow"].replace(", axis={axis}", "").format(value, **options)
    return _PLAIN[name][framework == "tensorflow"].format(value, **options)


@translates(layers.PReLU, frameworks=BOTH)
def _prelu(call: Call, writer: FunctionalWriter) -> None:
    x = writer.value(call.input)
    alpha = writer.weight(call.path, "alpha", call.operation.alpha)
    where = writer.choose("jnp.where", "tf.where")
    writer.assign(call, f"{where}({x} > 0, {x}, {alpha} * {x})")
