"""Keras's layers that move, cut, pad and join values, in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from keras import layers

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.model_graph import Call, Shape, Tensor
from anatomy.bench.native.torch_constructors import pad_argument
from anatomy.bench.native.torch_layout import keeps_layout, takes_channels_first
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Flatten, frameworks=("torch",))
def _flatten(call: Call, writer: TorchWriter) -> None:
    if call.operation.data_format == "channels_first" and len(call.input.shape) > 2:
        raise untranslatable(call, "channels first")
    shape = call.input.shape
    if len(shape) < 2:
        return writer.assign(call, f"{writer.keras(call.input)}.unsqueeze(1)")
    if writer.layout(call.input) != "first" or _is_one_pixel(shape):
        return writer.assign(call, f"{writer.value(call.input)}.flatten(1)")
    if None not in shape[1:] and _reaches_dense_alone(call.output, writer):
        channels_first = (shape[-1], *shape[1:-1])
        return writer.assign_flat(call, f"{writer.value(call.input)}.flatten(1)", channels_first)  # type: ignore[arg-type]
    return writer.assign(call, f"{writer.keras(call.input)}.flatten(1)")


@translates(layers.Reshape, frameworks=("torch",))
def _reshape(call: Call, writer: TorchWriter) -> None:
    reshape(call, writer, call.output.shape)


def reshape(call: Call, writer: TorchWriter, shape: Shape) -> None:
    """Write the reshaping of a call's argument to a shape of Keras's, open sizes as in the graph."""
    source = call.input.shape
    if len(source) == 2 and len(shape) > 3 and shape[-1] == source[-1] is not None and _is_one_pixel(shape):
        # One pixel: (batch, channels, 1, 1).
        ones = ", ".join(["None"] * (len(shape) - 2))
        return writer.assign(call, f"{writer.keras(call.input)}[:, :, {ones}]", "first")
    if writer.layout(call.input) == "first" and _is_one_pixel(source) and len(shape) == 2 and shape[-1] == source[-1]:
        return writer.assign(call, f"{writer.value(call.input)}.flatten(1)")
    return writer.assign(call, f"{writer.keras(call.input)}.reshape({sizes_text(call, writer, shape)})")


def sizes_text(call: Call, writer: TorchWriter, shape: Sequence[int | None]) -> str:
    """The arguments of `reshape`: -1 for the batch or for the one size that is open.

    Raises:
        NotImplementedError: more than one size is open, beside the batch.
    """
    rest = shape[1:]
    if rest.count(None) > 1:
        raise untranslatable(call, f"a shape with several open sizes, {tuple(shape)}")
    if None in rest:
        return ", ".join(
            [f"{writer.value(call.input)}.shape[0]", *("-1" if size is None else str(size) for size in rest)]
        )
    return ", ".join(["-1" if shape[0] is None else str(shape[0]), *map(str, rest)])


@translates(layers.Permute, frameworks=("torch",))
def _permute(call: Call, writer: TorchWriter) -> None:
    writer.assign(call, f"{writer.keras(call.input)}.permute{(0, *call.operation.dims)}")


@translates(layers.RepeatVector, frameworks=("torch",))
def _repeat_vector(call: Call, writer: TorchWriter) -> None:
    writer.assign(call, f"{writer.keras(call.input)}.unsqueeze(1).expand(-1, {call.operation.n}, -1)")


@translates(layers.Identity, frameworks=("torch",))
def _identity(call: Call, writer: TorchWriter) -> None:
    writer.assign_like(call, writer.value(call.input))


@translates(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D, frameworks=("torch",))
def _zero_padding(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    margins = [tuple(layer.padding)] if isinstance(layer.padding[0], int) else [tuple(m) for m in layer.padding]
    if all(before == after for before, after in margins) and _is_left_to(call, writer):
        return writer.leave_padding(call, tuple(before for before, _ in margins))
    x = writer.value(call.input)
    if writer.layout(call.input) == "first" or layer.data_format == "channels_first":
        return writer.assign_like(call, f"F.pad({x}, {pad_argument(margins)})")
    if takes_channels_first(call):
        return writer.assign(call, f"F.pad({writer.first(call.input)}, {pad_argument(margins)})", "first")
    return writer.assign_like(call, f"F.pad({x}, {pad_argument([*margins, (0, 0)])})")


@translates(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D, frameworks=("torch",))
def _cropping(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    margins = [tuple(layer.cropping)] if isinstance(layer.cropping[0], int) else layer.cropping
    cuts = [f"{before or ''}:{-after if after else ''}" for before, after in margins]
    first = writer.layout(call.input) == "first" or getattr(layer, "data_format", "") == "channels_first"
    index = [":", *([":"] if first else []), *cuts]
    writer.assign_like(call, f"{writer.value(call.input)}[{', '.join(index)}]")


def _is_one_pixel(shape: Shape) -> bool:
    return len(shape) > 2 and all(size == 1 for size in shape[1:-1])


def _reaches_dense_alone(tensor: Tensor, writer: TorchWriter) -> bool:
    """Whether all that is done with a flat tensor ends in dense layers, which can take their rows in another order."""
    takers = writer.takers(tensor)
    return bool(takers) and all(
        (type(call.operation) is layers.Dense and not writer.is_shared(call))
        or (
            keeps_layout(call.operation)
            and math.prod(size or 1 for size in call.output.shape) == math.prod(size or 1 for size in tensor.shape)
            and len(call.inputs) == 1
            and not isinstance(call.operation, layers.BatchNormalization | layers.Normalization)
            and _reaches_dense_alone(call.output, writer)
        )
        for call in takers
    )


def _is_left_to(call: Call, writer: TorchWriter) -> bool:
    """Whether the layer that takes a padded image can pad it itself: with zeros, or below values that are not less."""
    takers = writer.takers(call.output)
    if len(takers) != 1 or writer.is_shared(takers[0]):
        return False
    taker = takers[0].operation
    if getattr(taker, "data_format", "") != getattr(call.operation, "data_format", "channels_last"):
        return False
    before = call.operation.padding
    sides = [before[0]] if isinstance(before[0], int) else [margin[0] for margin in before]
    if isinstance(
        taker, layers.Conv1D | layers.Conv2D | layers.Conv3D | layers.DepthwiseConv2D | layers.SeparableConv2D
    ):
        return bool(taker.padding == "valid")
    if isinstance(taker, layers.MaxPooling2D) and taker.padding == "valid":
        maker = writer.maker(call.input)
        made = None if maker is None else maker.operation
        if not isinstance(made, Activation) or made.name not in ("relu", "relu6", "sigmoid"):
            return False
        return not made.options.get("negative_slope") and all(
            side <= size // 2 for side, size in zip(sides, taker.pool_size, strict=True)
        )
    return False
