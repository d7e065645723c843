"""Keras's layers as calls of functions that JAX and TensorFlow both have a version of."""

from __future__ import annotations

from typing import Any

from keras import layers

from anatomy.bench.native.functional_writer import FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import Framework, translates, untranslatable

_BOTH: tuple[Framework, ...] = ("jax", "tensorflow")


@translates(layers.Dense, frameworks=_BOTH)
def _dense(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    weights = writer.layer(call, kernel=layer.kernel, bias=layer.bias)
    writer.assign(call, f"dense({writer.value(call.input)}, {weights})")


@translates(layers.Conv1D, layers.Conv2D, layers.Conv3D, frameworks=_BOTH)
def _conv(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    weights = writer.layer(call, kernel=layer.kernel, bias=layer.bias)
    options = f"strides={layer.strides}, padding={_padding(call)}"
    if any(rate > 1 for rate in layer.dilation_rate):
        options += f", dilation={layer.dilation_rate}"
    if layer.groups > 1:
        options += f", groups={layer.groups}"
    writer.assign(call, f"conv({writer.value(call.input)}, {weights}, {options})")


@translates(layers.BatchNormalization, frameworks=_BOTH)
def _batch_norm(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    if layer.axis not in (-1, len(call.input.shape) - 1):
        raise untranslatable(call, f"axis {layer.axis}")
    params = writer.layer(call, gamma=layer.gamma, beta=layer.beta)
    state = writer.layer(call, moving_mean=layer.moving_mean, moving_variance=layer.moving_variance)
    options = f"{writer.training(call)}, momentum={layer.momentum}, epsilon={layer.epsilon}"
    writer.assign(call, f"batch_norm({writer.value(call.input)}, {params}, {state}, {options})", state)


@translates(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D, frameworks=_BOTH)
def _max_pool(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    options = f"{layer.pool_size}, {layer.strides}, {_padding(call)}"
    writer.assign(call, f"max_pool({writer.value(call.input)}, {options})")


@translates(layers.Flatten, frameworks=_BOTH)
def _flatten(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, f"flatten({writer.value(call.input)})")


@translates(layers.Dropout, frameworks=_BOTH)
def _dropout(call: Call, writer: FunctionalWriter) -> None:
    if call.operation.noise_shape is not None:
        raise untranslatable(call, "a noise shape")
    if not writer.trains or call.operation.rate == 0 or call.training is False:
        writer.assign(call, writer.value(call.input))
        return
    options = f"{call.operation.rate}, {writer.training(call)}, {writer.randomness()}"
    writer.assign(call, f"dropout({writer.value(call.input)}, {options})")


_FUNCTIONS = {
    "relu": {"jax": "jax.nn.relu({})", "tensorflow": "tf.nn.relu({})"},
    "softmax": {"jax": "jax.nn.softmax({})", "tensorflow": "tf.nn.softmax({})"},
    "sigmoid": {"jax": "jax.nn.sigmoid({})", "tensorflow": "tf.sigmoid({})"},
    "tanh": {"jax": "jnp.tanh({})", "tensorflow": "tf.tanh({})"},
}


@translates(*_FUNCTIONS, frameworks=_BOTH)
def _activation(call: Call, writer: FunctionalWriter) -> None:
    if call.operation.options:
        raise untranslatable(call, f"options {call.operation.options}")
    writer.assign(call, _FUNCTIONS[call.operation.name][writer.framework].format(writer.value(call.input)))


def _padding(call: Call) -> Any:
    layer = call.operation
    if layer.data_format != "channels_last":
        raise untranslatable(call, "channels first")
    if layer.padding not in ("same", "valid"):
        raise untranslatable(call, f"padding {layer.padding}")
    return f'"{layer.padding.upper()}"'
