"""Keras's convolutions as modules of `torch.nn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import layers

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.torch_constructors import construct, one_or_all, pad_argument, unless
from anatomy.bench.native.torch_layout import Layout
from anatomy.bench.native.torch_padding import is_symmetric, same_margins
from anatomy.bench.native.torch_weights import Parameter, arranged
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Conv1D, layers.Conv2D, layers.Conv3D, frameworks=("torch",))
def _conv(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    x, layout, channels = image(call, writer)
    rank = layer.rank
    weight = arranged("weight", layer.kernel, (rank + 1, rank, *range(rank)))
    x, padding = _padding(call, writer, x)
    module = _module(call, writer, channels, layer.filters, layer.groups, padding, weight)
    writer.assign(call, f"{module}({x})", layout)


@translates(layers.DepthwiseConv1D, layers.DepthwiseConv2D, frameworks=("torch",))
def _depthwise(call: Call, writer: TorchWriter) -> None:
    x, layout, channels = image(call, writer)
    weight = _depthwise_weight(call, channels, call.operation.kernel)
    x, padding = _padding(call, writer, x)
    filters = channels * call.operation.depth_multiplier
    module = _module(call, writer, channels, filters, channels, padding, weight)
    writer.assign(call, f"{module}({x})", layout)


@translates(layers.SeparableConv1D, layers.SeparableConv2D, frameworks=("torch",))
def _separable(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    x, layout, channels = image(call, writer)
    rank = layer.rank
    inner = channels * layer.depth_multiplier
    x, padding = _padding(call, writer, x)
    spread = _depthwise_weight(call, channels, layer.depthwise_kernel)
    depthwise = _module(call, writer, channels, inner, channels, padding, spread, part="depthwise", bias=False)
    mixed = arranged("weight", layer.pointwise_kernel, (rank + 1, rank, *range(rank)))
    constructor = construct(f"Conv{rank}d", inner, layer.filters, 1, bias=unless(layer.use_bias, True))
    pointwise = writer.module(call, constructor, mixed, *_bias(layer), part="pointwise")
    writer.assign(call, f"{pointwise}({depthwise}({x}))", layout)


@translates(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose, frameworks=("torch",))
def _transposed(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    x, layout, channels = image(call, writer)
    rank = layer.rank
    weight = arranged("weight", layer.kernel, (rank + 1, rank, *range(rank)))
    surplus = _surplus(layer)
    missing = [max(-size, 0) for size in surplus]
    surplus = [max(size, 0) for size in surplus]
    constructor = construct(
        f"ConvTranspose{rank}d",
        channels,
        layer.filters,
        one_or_all(layer.kernel_size),
        stride=unless(one_or_all(layer.strides), 1),
        padding=unless(one_or_all([size // 2 for size in surplus]), 0),
        output_padding=unless(one_or_all(missing), 0),
        bias=unless(layer.use_bias, True),
        dilation=unless(one_or_all(layer.dilation_rate), 1),
    )
    module = writer.module(call, constructor, weight, *_bias(layer))
    ends = ", ".join(":-1" if size % 2 else ":" for size in surplus)
    cut = f"[:, :, {ends}]" if any(size % 2 for size in surplus) else ""
    writer.assign(call, f"{module}({x}){cut}", layout)


def image(call: Call, writer: TorchWriter) -> tuple[str, Layout, int]:
    """The input of an image layer with channels first, the layout that its output has then, and its channels."""
    if call.operation.data_format == "channels_last":
        return writer.first(call.input), "first", _known(call, call.input.shape[-1])
    return writer.keras(call.input), "keras", _known(call, call.input.shape[1])


def lengths(call: Call) -> tuple[int | None, ...]:
    """Height, width and the like of the input of an image layer."""
    shape = call.input.shape
    return shape[1:-1] if call.operation.data_format == "channels_last" else shape[2:]


def _known(call: Call, channels: int | None) -> int:
    if channels is None:
        raise untranslatable(call, "an open number of channels")
    return channels


def _module(
    call: Call,
    writer: TorchWriter,
    channels: int,
    filters: int,
    groups: int,
    padding: Sequence[int],
    weight: Parameter,
    part: str = "",
    bias: bool = True,
) -> str:
    layer = call.operation
    has_bias = layer.use_bias and bias
    constructor = construct(
        f"Conv{layer.rank}d",
        channels,
        filters,
        one_or_all(layer.kernel_size),
        stride=unless(one_or_all(layer.strides), 1),
        padding=unless(one_or_all(padding), 0),
        dilation=unless(one_or_all(layer.dilation_rate), 1),
        groups=unless(groups, 1),
        bias=unless(has_bias, True),
    )
    parameters = (weight, *_bias(layer)) if has_bias else (weight,)
    return writer.module(call, constructor, *parameters, part=part)


def _bias(layer: Any) -> tuple[Parameter, ...]:
    return (Parameter("bias", layer.bias),) if layer.use_bias else ()


def _depthwise_weight(call: Call, channels: int, kernel: Any) -> Parameter:
    """(…, channels, multiplier) → (channels · multiplier, 1, …)."""
    layer = call.operation
    rank, filters = layer.rank, channels * layer.depth_multiplier
    return arranged("weight", kernel, (rank, rank + 1, *range(rank)), (filters, 1, *layer.kernel_size))


def _spans(layer: Any) -> list[int]:
    """The pixels that a kernel reaches over."""
    return [(size - 1) * rate + 1 for size, rate in zip(layer.kernel_size, layer.dilation_rate, strict=True)]


def _surplus(layer: Any) -> list[int]:
    """What a full transposed convolution has beyond the output that Keras returns; less than 0 where it lacks some."""
    spans, same = _spans(layer), layer.padding == "same"
    if layer.output_padding is None:
        beyond = [span - stride for span, stride in zip(spans, layer.strides, strict=True)]
        return beyond if same else [min(size, 0) for size in beyond]
    given = layer.output_padding
    extra = [given] * layer.rank if isinstance(given, int) else list(given)
    cut = [2 * (span // 2) if same else 0 for span in spans]
    return [size - more for size, more in zip(cut, extra, strict=True)]


def _padding(call: Call, writer: TorchWriter, x: str) -> tuple[str, Sequence[int]]:
    """The input, padded where the layer cannot, and the layer's own padding."""
    layer = call.operation
    none = [0] * layer.rank
    if layer.padding == "valid":
        return x, writer.padding_left(call.input) or none
    spans = _spans(layer)
    if layer.padding == "causal":
        return f"F.pad({x}, ({spans[0] - 1}, 0))", none
    margins = same_margins(lengths(call), spans, layer.strides)
    if margins is None:
        return f"pad_same({x}, {tuple(spans)}, {tuple(layer.strides)})", none
    if not is_symmetric(margins):
        return f"F.pad({x}, {pad_argument(margins)})", none
    return x, [before for before, _ in margins]
