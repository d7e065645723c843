"""Layers that Anatomy's zoo and `keras.applications` define for themselves, in PyTorch."""

from __future__ import annotations

from keras.src.applications.convnext import LayerScale, StochasticDepth
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.torch_layout import Layout
from anatomy.bench.native.torch_merging import in_one_layout
from anatomy.bench.native.torch_random import is_off
from anatomy.bench.native.torch_weights import Parameter
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates
from anatomy.models.local_response_normalization import LocalResponseNormalization
from anatomy.models.tensor_layers import ArgMaxTime, FlipTime, ZeroPadShortcut


@translates(LocalResponseNormalization, frameworks=("torch",))
def _local_response_norm(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    options = f"{layer.depth_radius}, {layer.bias}, {layer.alpha}, {layer.beta}"
    layout: Layout = "first" if len(call.input.shape) > 2 else "keras"
    x = writer.first(call.input) if layout == "first" else writer.keras(call.input)
    writer.assign(call, f"local_response_norm({x}, {options})", layout)


@translates(ZeroPadShortcut, frameworks=("torch",))
def _zero_pad_shortcut(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    missing = layer.filters - (call.input.shape[-1] or 0)
    before, stride = missing // 2, layer.stride
    x = f"{writer.first(call.input)}[:, :, ::{stride}, ::{stride}]"
    writer.assign(call, f"F.pad({x}, (0, 0, 0, 0, {before}, {missing - before}))", "first")


@translates(FlipTime, frameworks=("torch",))
def _flip_time(call: Call, writer: TorchWriter) -> None:
    writer.assign(call, f"{writer.keras(call.input)}.flip(1)")


@translates(ArgMaxTime, frameworks=("torch",))
def _arg_max_time(call: Call, writer: TorchWriter) -> None:
    writer.assign(call, f"{writer.keras(call.input)}.argmax(1).int()")


@translates(CustomScaleLayer, frameworks=("torch",))
def _scaled_sum(call: Call, writer: TorchWriter) -> None:
    (a, b), layout = in_one_layout(call.inputs, writer)
    writer.assign(call, f"{a} + {b} * {call.operation.scale}", layout)


@translates(LayerScale, frameworks=("torch",))
def _layer_scale(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    gamma = writer.parameter(call, Parameter("gamma", layer.gamma), tuple(layer.gamma.shape))
    if writer.layout(call.input) == "first":
        gamma += "[:, None, None]"
    writer.assign_like(call, f"{writer.value(call.input)} * {gamma}")


@translates(StochasticDepth, frameworks=("torch",))
def _stochastic_depth(call: Call, writer: TorchWriter) -> None:
    x, rate = writer.value(call.input), call.operation.drop_path_rate
    off = is_off(call, writer, rate)
    writer.assign_like(call, x if off else f"drop_path({x}, {rate}, {writer.training(call)})")
