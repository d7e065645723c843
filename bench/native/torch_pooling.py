"""Keras's pooling and resizing layers in PyTorch."""

from __future__ import annotations

from keras import layers
from keras.src.layers.pooling.base_global_pooling import BaseGlobalPooling

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.torch_constructors import one_or_all, pad_argument
from anatomy.bench.native.torch_convolutions import image, lengths
from anatomy.bench.native.torch_layout import Layout
from anatomy.bench.native.torch_padding import Margins, is_symmetric, same_margins, windows_fit
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D, frameworks=("torch",))
def _max_pool(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    rank = len(layer.pool_size)
    x, layout, _ = image(call, writer)
    margins = _margins(call)
    options = _window(call)
    if margins is None:
        x = f'pad_same({x}, {tuple(layer.pool_size)}, {tuple(layer.strides)}, value=float("-inf"))'
    elif layer.padding == "valid" and (left := writer.padding_left(call.input)):
        options += f", padding={one_or_all(left)}"
    elif is_symmetric(margins) and all(before <= size // 2 for size, (before, _) in _sizes(call, margins)):
        options += _padding_option(margins)
    elif windows_fit(lengths(call), layer.pool_size, layer.strides, margins):
        options += f"{_padding_option(margins)}, ceil_mode=True"
    else:
        x = f'F.pad({x}, {pad_argument(margins)}, value=float("-inf"))'
    writer.assign(call, f"F.max_pool{rank}d({x}, {options})", layout)


@translates(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D, frameworks=("torch",))
def _average_pool(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    rank = len(layer.pool_size)
    x, layout, _ = image(call, writer)
    margins = _margins(call)
    options = _window(call)
    padded = margins is not None and any(max(margin) for margin in margins)
    if margins is not None and not is_symmetric(margins) and _repeats_edge():
        x, margins, padded = f'F.pad({x}, {pad_argument(margins)}, mode="replicate")', [(0, 0)] * rank, False
    if margins is None or not (
        is_symmetric(margins) or windows_fit(lengths(call), layer.pool_size, layer.strides, margins)
    ):
        sizes = f"{tuple(layer.pool_size)}, {tuple(layer.strides)}"
        return writer.assign(call, f"avg_pool_same({x}, F.avg_pool{rank}d, {sizes})", layout)
    if padded:
        ceil = "" if is_symmetric(margins) else ", ceil_mode=True"
        options += f"{_padding_option(margins)}{ceil}, count_include_pad=False"
    return writer.assign(call, f"F.avg_pool{rank}d({x}, {options})", layout)


@translates(
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
    frameworks=("torch",),
)
def _global_pool(call: Call, writer: TorchWriter) -> None:
    layer: BaseGlobalPooling = call.operation
    rank = len(call.input.shape)
    first = writer.layout(call.input) == "first" or layer.data_format == "channels_first"
    axes = tuple(range(2, rank)) if first else tuple(range(1, rank - 1))
    name = "mean" if "Average" in type(layer).__name__ else "amax"
    keeps = ", keepdim=True" if layer.keepdims else ""
    layout: Layout = writer.layout(call.input) if layer.keepdims else "keras"
    dims = axes[0] if len(axes) == 1 else axes
    writer.assign(call, f"{writer.value(call.input)}.{name}({dims}{keeps})", layout)


@translates(layers.UpSampling1D, frameworks=("torch",))
def _repeat_steps(call: Call, writer: TorchWriter) -> None:
    writer.assign(call, f"{writer.keras(call.input)}.repeat_interleave({call.operation.size}, 1)")


@translates(layers.UpSampling2D, layers.UpSampling3D, frameworks=("torch",))
def _upsample(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    x, layout, _ = image(call, writer)
    interpolation = getattr(layer, "interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear"):
        raise untranslatable(call, f"interpolation {interpolation}")
    smooth = ', mode="bilinear"' if interpolation == "bilinear" else ""
    writer.assign(call, f"F.interpolate({x}, scale_factor={one_or_all(layer.size)}{smooth})", layout)


def _repeats_edge() -> bool:
    """Whether Keras pads with the edge before an average, as on torch, instead of leaving the padding out."""
    import keras

    return bool(keras.backend.backend() == "torch")


def _margins(call: Call) -> Margins | None:
    layer = call.operation
    if layer.padding == "valid":
        return [(0, 0)] * len(layer.pool_size)
    return same_margins(lengths(call), layer.pool_size, layer.strides)


def _window(call: Call) -> str:
    """Window and, where it is not the same, stride."""
    size, strides = one_or_all(call.operation.pool_size), one_or_all(call.operation.strides)
    return f"{size}" if size == strides else f"{size}, {strides}"


def _sizes(call: Call, margins: Margins) -> list[tuple[int, tuple[int, int]]]:
    return list(zip(call.operation.pool_size, margins, strict=True))


def _padding_option(margins: Margins) -> str:
    before = one_or_all([margin for margin, _ in margins])
    return f", padding={before}" if before else ""
