"""Layers that are random in training and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Dropout, frameworks=BOTH)
def _dropout(call: Call, writer: FunctionalWriter) -> None:
    noise, shape = call.operation.noise_shape, call.input.shape
    shared = []
    for axis, size in enumerate(noise or ()):
        if size == 1 and shape[axis] != 1:
            shared.append(axis)
        elif size not in (None, shape[axis]):
            raise untranslatable(call, f"the noise shape {noise}")
    writer.assign(call, dropout_expression(call, writer, writer.value(call.input), call.operation.rate, shared))


@translates(layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D, frameworks=BOTH)
def _spatial_dropout(call: Call, writer: FunctionalWriter) -> None:
    if getattr(call.operation, "data_format", "channels_last") != "channels_last":
        raise untranslatable(call, "channels first")
    shared = range(1, len(call.input.shape) - 1)
    writer.assign(call, dropout_expression(call, writer, writer.value(call.input), call.operation.rate, shared))


@translates(layers.GaussianNoise, frameworks=BOTH)
def _gaussian_noise(call: Call, writer: FunctionalWriter) -> None:
    _noise(call, writer, "gaussian_noise", call.operation.stddev)


@translates(layers.GaussianDropout, frameworks=BOTH)
def _gaussian_dropout(call: Call, writer: FunctionalWriter) -> None:
    _noise(call, writer, "gaussian_dropout", call.operation.rate)


def dropout_expression(
    call: Call, writer: FunctionalWriter, value: str, rate: float, shared: Sequence[int] = ()
) -> str:
    """Dropout of a value, or the value where the program never drops any of it."""
    if not writer.trains or rate == 0 or writer.training(call) == "False":
        return value
    axes = f", shared={tuple(shared)}" if shared else ""
    return f"dropout({value}, {rate}, {writer.training(call)}, {writer.randomness()}{axes})"


def _noise(call: Call, writer: FunctionalWriter, function: str, strength: float) -> None:
    value = writer.value(call.input)
    if writer.trains and strength and writer.training(call) != "False":
        value = f"{function}({value}, {strength}, {writer.training(call)}, {writer.randomness()})"
    writer.assign(call, value)
