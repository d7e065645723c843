"""Keras's normalisation layers in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import layers

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.torch_constructors import construct, unless
from anatomy.bench.native.torch_layout import Layout, axis_of
from anatomy.bench.native.torch_weights import Parameter
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable

# Statistics of more features than this are weights of the program, not numbers in its source.
_WRITTEN_OUT = 16


@translates(layers.BatchNormalization, frameworks=("torch",))
def _batch_norm(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    rank = len(call.input.shape)
    axis = layer.axis % rank if isinstance(layer.axis, int) else -1
    if axis not in (1, rank - 1) or (axis == 1 and rank > 2 and writer.layout(call.input) == "first"):
        raise untranslatable(call, f"axis {layer.axis}")
    x, layout = channels_second(call, writer, axis)
    channels = call.input.shape[axis]
    affine = layer.gamma is not None or layer.beta is not None
    constructor = construct(
        f"BatchNorm{max(rank - 2, 1)}d",
        channels,
        eps=unless(layer.epsilon, 1e-5),
        momentum=unless(round(1 - layer.momentum, 12), 0.1),
        affine=unless(affine, True),
    )
    statistics = (
        Parameter("running_mean", layer.moving_mean),
        Parameter("running_var", layer.moving_variance),
    )
    scales = (Parameter("weight", layer.gamma), Parameter("bias", layer.beta)) if affine else ()
    module = writer.module(call, constructor, *scales, *statistics)
    if writer.trains and (not layer.trainable or call.training is not None):
        writer.keep_mode(call, module, bool(call.training) and layer.trainable)
    writer.assign(call, f"{module}({x})", layout)


@translates(layers.LayerNormalization, frameworks=("torch",))
def _layer_norm(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    shape = _trailing(call, layer.axis)
    if getattr(layer, "rms_scaling", False):
        raise untranslatable(call, "rms_scaling")
    constructor = construct(
        "LayerNorm",
        shape[0] if len(shape) == 1 else shape,
        eps=unless(layer.epsilon, 1e-5),
        elementwise_affine=unless(layer.gamma is not None or layer.beta is not None, True),
        bias=unless(layer.beta is not None or layer.gamma is None, True),
    )
    module = writer.module(call, constructor, *_scales(layer))
    writer.assign(call, f"{module}({writer.keras(call.input)})")


@translates(layers.RMSNormalization, frameworks=("torch",))
def _rms_norm(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    shape = _trailing(call, layer.axis)
    constructor = construct("RMSNorm", shape[0] if len(shape) == 1 else shape, eps=layer.epsilon)
    module = writer.module(call, constructor, Parameter("weight", layer.scale))
    writer.assign(call, f"{module}({writer.keras(call.input)})")


@translates(layers.GroupNormalization, frameworks=("torch",))
def _group_norm(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    rank = len(call.input.shape)
    axis = layer.axis % rank
    if axis not in (1, rank - 1):
        raise untranslatable(call, f"axis {layer.axis}")
    x, layout = channels_second(call, writer, axis)
    scales = _scales(layer)
    constructor = construct(
        "GroupNorm",
        layer.groups,
        call.input.shape[axis],
        eps=unless(layer.epsilon, 1e-5),
        affine=unless(bool(scales), True),
    )
    if len(scales) == 1:
        scales = (Parameter("weight", layer.gamma), Parameter("bias", layer.beta))
    module = writer.module(call, constructor, *scales)
    writer.assign(call, f"{module}({x})", layout)


@translates(layers.UnitNormalization, frameworks=("torch",))
def _unit_norm(call: Call, writer: TorchWriter) -> None:
    given = call.operation.axis
    rank = len(call.input.shape)
    layout = writer.layout(call.input)
    axes = [axis_of(axis, rank, layout) for axis in (given if isinstance(given, list | tuple) else [given])]
    dims = axes[0] if len(axes) == 1 else tuple(axes)
    writer.assign_like(call, f"F.normalize({writer.value(call.input)}, dim={dims}, eps=1e-6)")


@translates(layers.Rescaling, frameworks=("torch",))
def _rescaling(call: Call, writer: TorchWriter) -> None:
    scale = constant(call, writer, call.operation.scale, "scale")
    offset = constant(call, writer, call.operation.offset, "offset")
    x = writer.value(call.input)
    scaled = x if scale == "1.0" else f"{x} * {scale}"
    writer.assign_like(call, scaled if offset == "0.0" else f"{scaled} + {offset}")


@translates(layers.Normalization, frameworks=("torch",))
def _normalization(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    mean, variance = (_floats(value) for value in (layer.mean, layer.variance))
    if mean.size > _WRITTEN_OUT:
        return _normalization_with_weights(call, writer)
    deviation = np.maximum(np.sqrt(variance), 1e-7)
    mean_text = constant(call, writer, mean, "mean")
    deviation_text = constant(call, writer, deviation, "deviation")
    x = writer.value(call.input)
    if layer.invert:
        return writer.assign_like(call, f"{x} * {deviation_text} + {mean_text}")
    return writer.assign_like(call, f"({x} - {mean_text}) / {deviation_text}")


def _normalization_with_weights(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    if layer.input_mean is not None or tuple(layer._keep_axis) != (len(call.input.shape) - 1,):
        raise untranslatable(call, "many statistics that are no weights, or of other axes than the last")
    shape = tuple(layer.adapt_mean.shape)
    mean = writer.parameter(call, Parameter("mean", layer.adapt_mean), shape)
    variance = writer.parameter(call, Parameter("variance", layer.adapt_variance), shape)
    deviation = f"{variance}.sqrt().clamp(min=1e-7)"
    x = writer.keras(call.input)
    forward, back = f"({x} - {mean}) / {deviation}", f"{x} * {deviation} + {mean}"
    writer.assign(call, back if layer.invert else forward)


def channels_second(call: Call, writer: TorchWriter, axis: int) -> tuple[str, Layout]:
    """The argument of a call with this axis of Keras's behind the batch, and its layout."""
    rank = len(call.input.shape)
    if writer.layout(call.input) == "flat":
        return writer.keras(call.input), "keras"
    if rank == 2 or axis == 1:
        return writer.keras(call.input), "keras"
    return writer.first(call.input), "first"


def constant(call: Call, writer: TorchWriter, value: Any, name: str) -> str:
    """A number, or a few that go with the axes of the call's argument, as an expression."""
    array = _floats(value)
    if array.size == 1:
        return repr(float(array.reshape(())) if not isinstance(value, int | float) else float(value))
    rank = len(call.input.shape)
    array = array.reshape((1,) * (rank - array.ndim) + array.shape)
    if writer.layout(call.input) == "first":
        array = np.moveaxis(array, -1, 1)
    without_batch = array[0] if array.shape[0] == 1 else array
    return writer.buffer(f"{call.path}_{name}", f"torch.tensor({without_batch.tolist()})")


def _floats(value: Any) -> Any:
    import keras

    array = keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value
    return np.asarray(array, keras.config.floatx())


def _trailing(call: Call, axis: int | Sequence[int]) -> tuple[int | None, ...]:
    """The sizes of the normalised axes, which must be the last ones."""
    rank = len(call.input.shape)
    axes = sorted(number % rank for number in ([axis] if isinstance(axis, int) else axis))
    if axes != list(range(rank - len(axes), rank)):
        raise untranslatable(call, f"axis {axis}")
    return tuple(call.input.shape[number] for number in axes)


def _scales(layer: Any) -> tuple[Parameter, ...]:
    """Scale and offset, where the layer has them; a scale that it lacks stays at 1 if there is an offset."""
    if layer.gamma is None and layer.beta is None:
        return ()
    if layer.beta is None:
        return (Parameter("weight", layer.gamma),)
    return (Parameter("weight", layer.gamma), Parameter("bias", layer.beta))
