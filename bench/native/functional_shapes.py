"""Layers that move values and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Flatten, frameworks=BOTH)
def _flatten(call: Call, writer: FunctionalWriter) -> None:
    _require_channels_last(call)
    writer.assign(call, f"flatten({writer.value(call.input)})")


@translates(layers.Reshape, frameworks=BOTH)
def _reshape(call: Call, writer: FunctionalWriter) -> None:
    shape = tuple(-1 if size is None else size for size in call.output.shape[1:])
    if shape.count(-1) > 1:
        raise untranslatable(call, "more than one open size")
    writer.assign(call, f"reshape({writer.value(call.input)}, {shape})")


@translates(layers.Permute, frameworks=BOTH)
def _permute(call: Call, writer: FunctionalWriter) -> None:
    function = writer.choose("jnp.transpose", "tf.transpose")
    writer.assign(call, f"{function}({writer.value(call.input)}, {(0, *call.operation.dims)})")


@translates(layers.RepeatVector, frameworks=BOTH)
def _repeat_vector(call: Call, writer: FunctionalWriter) -> None:
    function = writer.choose("jnp.repeat", "tf.repeat")
    writer.assign(call, f"{function}({writer.value(call.input)}[:, None], {call.operation.n}, 1)")


@translates(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D, frameworks=BOTH)
def _zero_padding(call: Call, writer: FunctionalWriter) -> None:
    _require_channels_last(call)
    widths = ((0, 0), *_pairs(call.operation.padding), (0, 0))
    writer.assign(call, f"{writer.choose('jnp.pad', 'tf.pad')}({writer.value(call.input)}, {widths})")


@translates(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D, frameworks=BOTH)
def _cropping(call: Call, writer: FunctionalWriter) -> None:
    _require_channels_last(call)
    slices = ", ".join(_inside(before, after) for before, after in _pairs(call.operation.cropping))
    writer.assign(call, f"{writer.value(call.input)}[:, {slices}]")


@translates(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D, frameworks=BOTH)
def _upsampling(call: Call, writer: FunctionalWriter) -> None:
    _require_channels_last(call)
    layer = call.operation
    size = (layer.size,) if isinstance(layer.size, int) else tuple(layer.size)
    method = getattr(layer, "interpolation", "nearest")
    if method not in ("nearest", "bilinear") or (method == "bilinear" and None in call.input.shape[1:]):
        raise untranslatable(call, f"interpolation {method} of {call.input.shape}")
    options = f"{size}" if method == "nearest" else f'{size}, "{method}"'
    writer.assign(call, f"upsample({writer.value(call.input)}, {options})")


def _require_channels_last(call: Call) -> None:
    if getattr(call.operation, "data_format", "channels_last") == "channels_first":
        raise untranslatable(call, "channels first")


def _pairs(widths: Any) -> Sequence[tuple[int, int]]:
    """Pairs of numbers, one an axis, of what a layer of one axis has as one pair."""
    pairs = [widths] if isinstance(widths[0], int) else widths
    return [(int(before), int(after)) for before, after in pairs]


def _inside(before: int, after: int) -> str:
    return f"{before or ''}:{-after if after else ''}"
