"""Keras's layers that merge several values into one, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from anatomy.bench.native.model_graph import Call, Tensor
from anatomy.bench.native.torch_layout import Layout, axis_of
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Add, frameworks=("torch",))
def _add(call: Call, writer: TorchWriter) -> None:
    values, layout = _merged(call, writer)
    for number, tensor in enumerate(call.inputs):
        if len(values) == 2 and _holds_output(call, tensor, layout, writer):
            return writer.update(call, tensor, "+=", values[1 - number])
    return writer.assign(call, " + ".join(values), layout)


@translates(layers.Subtract, frameworks=("torch",))
def _subtract(call: Call, writer: TorchWriter) -> None:
    values, layout = _merged(call, writer)
    writer.assign(call, " - ".join(values), layout)


@translates(layers.Multiply, frameworks=("torch",))
def _multiply(call: Call, writer: TorchWriter) -> None:
    values, layout = _merged(call, writer)
    writer.assign(call, " * ".join(values), layout)


@translates(layers.Average, frameworks=("torch",))
def _average(call: Call, writer: TorchWriter) -> None:
    values, layout = _merged(call, writer)
    writer.assign(call, f"({' + '.join(values)}) / {len(values)}", layout)


@translates(layers.Maximum, layers.Minimum, frameworks=("torch",))
def _extreme(call: Call, writer: TorchWriter) -> None:
    values, layout = _merged(call, writer)
    name = type(call.operation).__name__.lower()
    found = values[0]
    for value in values[1:]:
        found = f"torch.{name}({found}, {value})"
    writer.assign(call, found, layout)


@translates(layers.Concatenate, frameworks=("torch",))
def _concatenate(call: Call, writer: TorchWriter) -> None:
    concatenate(call, writer, call.operation.axis)


def concatenate(call: Call, writer: TorchWriter, axis: int) -> None:
    """Write the joining of a call's tensors along an axis of Keras's."""
    values, layout = in_one_layout(call.inputs, writer, allow_flat=False)
    place = axis_of(axis, len(call.output.shape), layout)
    writer.assign(call, f"torch.cat(({', '.join(values)}), {place})", layout)


@translates(layers.Dot, frameworks=("torch",))
def _dot(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    axes = layer.axes if isinstance(layer.axes, list | tuple) else (layer.axes, layer.axes)
    ranks = [len(tensor.shape) for tensor in call.inputs]
    axes = tuple(axis % rank for axis, rank in zip(axes, ranks, strict=True))
    a, b = (writer.keras(tensor) for tensor in call.inputs)
    if layer.normalize:
        a, b = (f"F.normalize({value}, dim={axis}, eps=1e-6)" for value, axis in zip((a, b), axes, strict=True))
    if ranks == [2, 2]:
        return writer.assign(call, f"({a} * {b}).sum(1, keepdim=True)")
    letters = ["bcde"[:rank] for rank in ranks]
    second = [letter if number == 0 else letter.upper() for number, letter in enumerate(letters[1])]
    second[axes[1]] = letters[0][axes[0]]
    kept = [letter for number, letter in enumerate(letters[0]) if number != axes[0]]
    kept += [letter for number, letter in enumerate(second) if number not in (0, axes[1])]
    return writer.assign(call, f'torch.einsum("{letters[0]},{"".join(second)}->{"".join(kept)}", {a}, {b})')


def in_one_layout(tensors: Sequence[Tensor], writer: TorchWriter, allow_flat: bool = True) -> tuple[list[str], Layout]:
    """Expressions of tensors with their axes in one order: channels first if one of them is so already."""
    found = {writer.layout(tensor) for tensor in tensors}
    if allow_flat and found == {"flat"} and len({writer.flattened(tensor) for tensor in tensors}) == 1:
        return [writer.value(tensor) for tensor in tensors], "flat"
    if "first" in found and len({len(tensor.shape) for tensor in tensors}) == 1:
        return [writer.first(tensor) for tensor in tensors], "first"
    return [writer.keras(tensor) for tensor in tensors], "keras"


def _merged(call: Call, writer: TorchWriter) -> tuple[list[str], Layout]:
    if len({len(tensor.shape) for tensor in call.inputs}) != 1:
        raise untranslatable(call, "arguments of several ranks")
    return in_one_layout(call.inputs, writer, allow_flat=False)


def _holds_output(call: Call, tensor: Tensor, layout: Layout, writer: TorchWriter) -> bool:
    """Whether the sum fits into the memory of this argument, which nothing else needs."""
    return tensor.shape == call.output.shape and writer.layout(tensor) == layout and writer.may_overwrite(tensor)
