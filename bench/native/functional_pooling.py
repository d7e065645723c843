"""Pooling over windows and over all of space, channels last."""

from __future__ import annotations

from keras import layers

from anatomy.bench.native.functional_convolutions import padding_of
from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D, frameworks=BOTH)
def _max_pool(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, f"max_pool({writer.value(call.input)}, {_window(call)})")


@translates(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D, frameworks=BOTH)
def _average_pool(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, f"average_pool({writer.value(call.input)}, {_window(call)})")


@translates(
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D, frameworks=BOTH
)
def _global_average_pool(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, _over_space(call, writer, writer.choose("jnp.mean", "tf.reduce_mean")))


@translates(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D, frameworks=BOTH)
def _global_max_pool(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, _over_space(call, writer, writer.choose("jnp.max", "tf.reduce_max")))


def _window(call: Call) -> str:
    layer = call.operation
    return f"{tuple(layer.pool_size)}, {tuple(layer.strides)}, {padding_of(call)}"


def _over_space(call: Call, writer: FunctionalWriter, function: str) -> str:
    layer = call.operation
    if layer.data_format != "channels_last":
        raise untranslatable(call, "channels first")
    axes = tuple(range(1, len(call.input.shape) - 1))
    keep = ", keepdims=True" if layer.keepdims else ""
    return f"{function}({writer.value(call.input)}, {axes}{keep})"
