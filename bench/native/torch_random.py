"""Keras's layers that draw random numbers in training, in PyTorch."""

from __future__ import annotations

from keras import layers
from keras.src.layers.regularization.spatial_dropout import BaseSpatialDropout

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Dropout, frameworks=("torch",))
def _dropout(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    if is_off(call, writer, layer.rate):
        return writer.assign_like(call, writer.value(call.input))
    shape = tuple(layer.noise_shape or ())
    if shape and shape[1:] == (1,) * (len(call.input.shape) - 1) and shape[0] in (None, -1):
        return writer.assign_like(call, f"drop_path({writer.value(call.input)}, {layer.rate}, {writer.training(call)})")
    if shape:
        raise untranslatable(call, f"the noise shape {shape}")
    module = writer.module(call, f"nn.Dropout({layer.rate})")
    if call.training is not None:
        writer.keep_mode(call, module, bool(call.training))
    return writer.assign_like(call, f"{module}({writer.value(call.input)})")


@translates(layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D, frameworks=("torch",))
def _spatial_dropout(call: Call, writer: TorchWriter) -> None:
    layer: BaseSpatialDropout = call.operation
    rank = len(call.input.shape) - 2
    if is_off(call, writer, layer.rate):
        return writer.assign_like(call, writer.value(call.input))
    module = writer.module(call, f"nn.Dropout{rank}d({layer.rate})")
    if call.training is not None:
        writer.keep_mode(call, module, bool(call.training))
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return writer.assign(call, f"{module}({writer.keras(call.input)})")
    return writer.assign(call, f"{module}({writer.first(call.input)})", "first")


@translates(layers.GaussianNoise, frameworks=("torch",))
def _gaussian_noise(call: Call, writer: TorchWriter) -> None:
    _noise(call, writer, "gaussian_noise", call.operation.stddev)


@translates(layers.GaussianDropout, frameworks=("torch",))
def _gaussian_dropout(call: Call, writer: TorchWriter) -> None:
    _noise(call, writer, "gaussian_dropout", call.operation.rate)


def is_off(call: Call, writer: TorchWriter, rate: float) -> bool:
    """Whether a random layer lets its input through in every step of the program."""
    return rate == 0 or call.training is False or (not writer.trains and call.training is None)


def _noise(call: Call, writer: TorchWriter, function: str, amount: float) -> None:
    x = writer.value(call.input)
    off = is_off(call, writer, amount)
    writer.assign_like(call, x if off else f"{function}({x}, {amount}, {writer.training(call)})")
