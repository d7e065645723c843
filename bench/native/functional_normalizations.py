"""Normalisations."""

from __future__ import annotations

from typing import Any

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.BatchNormalization, frameworks=BOTH)
def _batch_norm(call: Call, writer: FunctionalWriter) -> None:
    layer, x = call.operation, writer.value(call.input)
    _require_last(call, layer.axis)
    if layer.renorm:
        raise untranslatable(call, "renormalisation")
    params = writer.layer(call, gamma=layer.gamma, beta=layer.beta)
    state = writer.layer(call, moving_mean=layer.moving_mean, moving_variance=layer.moving_variance)
    # A frozen layer normalises by its moving statistics in training, too.
    training = writer.training(call) if layer.trainable else "False"
    options = f"{training}, momentum={layer.momentum}, epsilon={layer.epsilon}"
    if training == "False":
        return writer.assign(call, f"batch_norm({x}, {params}, {state}, {options})[0]")
    return writer.assign(call, f"batch_norm({x}, {params}, {state}, {options})", state)


@translates(layers.LayerNormalization, frameworks=BOTH)
def _layer_norm(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    if layer.rms_scaling:
        raise untranslatable(call, "rms_scaling")
    weights = writer.layer(call, gamma=layer.gamma, beta=layer.beta)
    writer.assign(call, f"layer_norm({writer.value(call.input)}, {weights}, {_axes(call)}, epsilon={layer.epsilon})")


@translates(layers.RMSNormalization, frameworks=BOTH)
def _rms_norm(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    weights = writer.layer(call, scale=layer.scale)
    writer.assign(call, f"rms_norm({writer.value(call.input)}, {weights}, {_axes(call)}, epsilon={layer.epsilon})")


@translates(layers.UnitNormalization, frameworks=BOTH)
def _unit_norm(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, f"unit_norm({writer.value(call.input)}, {_axes(call)})")


@translates(layers.GroupNormalization, frameworks=BOTH)
def _group_norm(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    _require_last(call, layer.axis)
    weights = writer.layer(call, gamma=layer.gamma, beta=layer.beta)
    options = f"groups={layer.groups}, epsilon={layer.epsilon}"
    writer.assign(call, f"group_norm({writer.value(call.input)}, {weights}, {options})")


@translates(layers.Normalization, frameworks=BOTH)
def _normalization(call: Call, writer: FunctionalWriter) -> None:
    layer, x = call.operation, writer.value(call.input)
    if layer.invert:
        raise untranslatable(call, "invert")
    if layer.input_mean is None:
        if layer.axis:
            _require_last(call, *layer.axis)
        mean = writer.weight(call.path, "mean", layer.adapt_mean)
        variance = writer.weight(call.path, "variance", layer.adapt_variance)
    else:
        mean, variance = _constant(layer.mean), _constant(layer.variance)
    writer.assign(call, f"standardize({x}, {mean}, {variance})")


@translates(layers.Rescaling, frameworks=BOTH)
def _rescaling(call: Call, writer: FunctionalWriter) -> None:
    layer, x = call.operation, writer.value(call.input)
    dtype = layer.compute_dtype
    if call.input.dtype != dtype:
        x = writer.choose(f"{x}.astype(jnp.{dtype})", f"tf.cast({x}, tf.{dtype})")
    scale, offset = (_number(writer, value) for value in (layer.scale, layer.offset))
    writer.assign(call, f"{x} * {scale}" + ("" if offset in ("0", "0.0") else f" + {offset}"))


def _number(writer: FunctionalWriter, value: Any) -> str:
    if isinstance(value, int | float):
        return f"({value})" if value < 0 else str(value)
    return writer.choose(f"jnp.array({list(value)})", str(list(value)))


def _constant(tensor: Any) -> str:
    import keras

    return str(keras.ops.convert_to_numpy(tensor).tolist())


def _axes(call: Call) -> tuple[int, ...]:
    axis, rank = call.operation.axis, len(call.input.shape)
    axes = [axis] if isinstance(axis, int) else list(axis)
    return tuple(sorted(number % rank for number in axes))


def _require_last(call: Call, *axes: int) -> None:
    if [axis % len(call.input.shape) for axis in axes] != [len(call.input.shape) - 1]:
        raise untranslatable(call, f"axis {', '.join(map(str, axes))}")
