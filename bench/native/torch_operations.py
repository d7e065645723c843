"""Operations of `keras.ops` that stand in a functional model, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras.src.ops import core, math, nn, numpy

from anatomy.bench.native.model_graph import Call, Tensor
from anatomy.bench.native.torch_layout import axis_of
from anatomy.bench.native.torch_merging import concatenate, in_one_layout
from anatomy.bench.native.torch_shapes import reshape
from anatomy.bench.native.torch_weights import Parameter
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable

_BINARY = {
    numpy.Add: "{} + {}",
    numpy.Subtract: "{} - {}",
    numpy.Multiply: "{} * {}",
    numpy.Divide: "{} / {}",
    numpy.TrueDivide: "{} / {}",
    numpy.FloorDivide: "{} // {}",
    numpy.Mod: "{} % {}",
    numpy.Power: "{} ** {}",
    numpy.Maximum: "torch.maximum({}, {})",
    numpy.Minimum: "torch.minimum({}, {})",
    numpy.Equal: "{} == {}",
    numpy.NotEqual: "{} != {}",
    numpy.Greater: "{} > {}",
    numpy.GreaterEqual: "{} >= {}",
    numpy.Less: "{} < {}",
    numpy.LessEqual: "{} <= {}",
    numpy.LogicalAnd: "{} & {}",
    numpy.LogicalOr: "{} | {}",
}
_UNARY = {
    numpy.Negative: "-{}",
    numpy.Absolute: "{}.abs()",
    numpy.Abs: "{}.abs()",
    numpy.Square: "{}.square()",
    numpy.Sqrt: "{}.sqrt()",
    math.Rsqrt: "{}.rsqrt()",
    math.Erf: "{}.erf()",
    numpy.Exp: "{}.exp()",
    numpy.Expm1: "{}.expm1()",
    numpy.Log: "{}.log()",
    numpy.Log1p: "{}.log1p()",
    numpy.Log2: "{}.log2()",
    numpy.Log10: "{}.log10()",
    numpy.Sin: "{}.sin()",
    numpy.Cos: "{}.cos()",
    numpy.Tan: "{}.tan()",
    numpy.Arctan: "{}.atan()",
    numpy.Floor: "{}.floor()",
    numpy.Ceil: "{}.ceil()",
    numpy.Round: "{}.round()",
    numpy.Sign: "{}.sign()",
    numpy.Reciprocal: "{}.reciprocal()",
    numpy.LogicalNot: "{}.logical_not()",
    numpy.OnesLike: "torch.ones_like({})",
    numpy.ZerosLike: "torch.zeros_like({})",
    core.StopGradient: "{}.detach()",
}
_REDUCTIONS = {
    numpy.Mean: "mean",
    numpy.Sum: "sum",
    numpy.Max: "amax",
    numpy.Min: "amin",
    numpy.Amax: "amax",
    numpy.Amin: "amin",
    numpy.Var: "var",
    numpy.Std: "std",
    math.Logsumexp: "logsumexp",
    numpy.All: "all",
    numpy.Any: "any",
}
_DTYPES = {"float32": "float", "float64": "double", "int32": "int", "int64": "long", "bool": "bool"}
# Arrays of more values than this are not written into a program.
_WRITTEN_OUT = 256


@translates(*_BINARY, frameworks=("torch",))
def _binary(call: Call, writer: TorchWriter) -> None:
    operands = [*call.args, *call.kwargs.values()]
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    scalars = all(isinstance(operand, Tensor) or _is_number(operand) for operand in operands)
    pattern = _BINARY[type(call.operation)]
    if scalars and len({len(tensor.shape) for tensor in tensors}) == 1:
        values, layout = in_one_layout(tensors, writer)
        flattened = writer.flattened(tensors[0]) if layout == "flat" else ()
        found = iter(values)
        texts = [next(found) if isinstance(operand, Tensor) else _number(pattern, operand) for operand in operands]
        expression = pattern.format(*texts)
        if layout == "flat":
            return writer.assign_flat(call, expression, flattened)
        return writer.assign(call, expression, layout)
    texts = [_operand(call, writer, operand, pattern, number) for number, operand in enumerate(operands)]
    return writer.assign(call, pattern.format(*texts))


@translates(*_UNARY, frameworks=("torch",))
def _unary(call: Call, writer: TorchWriter) -> None:
    writer.assign_like(call, _UNARY[type(call.operation)].format(writer.value(call.input)))


@translates(*_REDUCTIONS, frameworks=("torch",))
def _reduction(call: Call, writer: TorchWriter) -> None:
    operation, tensor = call.operation, call.input
    rank = len(tensor.shape)
    axes = _axes(operation.axis, rank)
    layout = "keras" if writer.layout(tensor) == "flat" else writer.layout(tensor)
    x = writer.value(tensor) if layout == writer.layout(tensor) else writer.keras(tensor)
    places = sorted(axis_of(axis, rank, layout) for axis in axes)
    # Without the channels, or with all axes kept, the order of the others is Keras's.
    left = [axis for axis in range(rank) if axis not in axes]
    if layout == "first" and not operation.keepdims and rank - 1 in left and len(left) > 2:
        x, places, layout = writer.keras(tensor), sorted(axes), "keras"
    name = _REDUCTIONS[type(operation)]
    dims = str(places[0]) if len(places) == 1 else str(tuple(places))
    if name in ("all", "any") and len(places) > 1:
        raise untranslatable(call, f"{name} over several axes")
    options = (", correction=0" if name in ("var", "std") else "") + (", keepdim=True" if operation.keepdims else "")
    writer.assign(call, f"{x}.{name}({dims}{options})", layout if operation.keepdims else "keras")


@translates(numpy.Argmax, numpy.Argmin, frameworks=("torch",))
def _position(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    if operation.axis is None:
        raise untranslatable(call, "no axis")
    name = type(operation).__name__.lower()
    keeps = ", keepdim=True" if operation.keepdims else ""
    writer.assign(call, f"{writer.keras(call.input)}.{name}({operation.axis}{keeps}).int()")


@translates(numpy.Reshape, frameworks=("torch",))
def _reshape(call: Call, writer: TorchWriter) -> None:
    shape = call.output.shape
    if shape and shape[0] is not None and call.input.shape[0] is None:
        # The batch is joined with another axis.
        return writer.assign(call, f"{writer.keras(call.input)}.reshape{tuple(call.operation.newshape)}")
    return reshape(call, writer, shape)


@translates(numpy.Transpose, frameworks=("torch",))
def _transpose(call: Call, writer: TorchWriter) -> None:
    rank = len(call.input.shape)
    axes = call.operation.axes or tuple(reversed(range(rank)))
    writer.assign(call, f"{writer.keras(call.input)}.permute{tuple(axes)}")


@translates(numpy.Swapaxes, frameworks=("torch",))
def _swap_axes(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    writer.assign(call, f"{writer.keras(call.input)}.transpose({operation.axis1}, {operation.axis2})")


@translates(numpy.Moveaxis, frameworks=("torch",))
def _move_axis(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    writer.assign(call, f"{writer.keras(call.input)}.movedim({operation.source}, {operation.destination})")


@translates(numpy.ExpandDims, frameworks=("torch",))
def _expand_dims(call: Call, writer: TorchWriter) -> None:
    axes = call.operation.axis
    x = writer.keras(call.input)
    rank = len(call.output.shape)
    for axis in sorted(number % rank for number in (axes if isinstance(axes, list | tuple) else [axes])):
        x += f".unsqueeze({axis})"
    writer.assign(call, x)


@translates(numpy.Squeeze, frameworks=("torch",))
def _squeeze(call: Call, writer: TorchWriter) -> None:
    axis = call.operation.axis
    if axis is None and call.input.shape[0] is None and 1 in call.input.shape:
        axis = tuple(number for number, size in enumerate(call.input.shape) if size == 1)
    axes = axis if isinstance(axis, int) else tuple(axis or ())
    writer.assign(call, f"{writer.keras(call.input)}.squeeze({axes})")


@translates(numpy.Concatenate, frameworks=("torch",))
def _concatenate(call: Call, writer: TorchWriter) -> None:
    if call.operation.axis is None:
        raise untranslatable(call, "no axis")
    concatenate(call, writer, call.operation.axis)


@translates(numpy.Stack, frameworks=("torch",))
def _stack(call: Call, writer: TorchWriter) -> None:
    values = ", ".join(writer.keras(tensor) for tensor in call.inputs)
    writer.assign(call, f"torch.stack(({values}), {call.operation.axis})")


@translates(numpy.Split, frameworks=("torch",))
def _split(call: Call, writer: TorchWriter) -> None:
    operation, rank = call.operation, len(call.input.shape)
    axis = operation.axis % rank
    sections = operation.indices_or_sections
    layout = writer.layout(call.input)
    x, layout = (writer.keras(call.input), "keras") if layout == "flat" else (writer.value(call.input), layout)
    if isinstance(sections, int):
        size = call.input.shape[axis]
        if size is None:
            raise untranslatable(call, "an open length")
        parts: int | list[int] = size // sections
    else:
        parts = [int(output.shape[axis] or 0) for output in call.outputs]
    unpacked = f"{x}.split({parts}, {axis_of(axis, rank, layout)})"
    writer.assign(call, unpacked if len(call.outputs) > 1 else f"{unpacked}[0]", layout)


@translates(numpy.GetItem, frameworks=("torch",))
def _get_item(call: Call, writer: TorchWriter) -> None:
    key = call.args[1] if len(call.args) > 1 else call.kwargs["key"]
    parts = key if isinstance(key, tuple) else (key,)
    if any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts):
        raise untranslatable(call, "a slice backwards")
    writer.assign(call, f"{writer.keras(call.input)}[{', '.join(_index(call, part) for part in parts)}]")


@translates(numpy.Matmul, frameworks=("torch",))
def _matmul(call: Call, writer: TorchWriter) -> None:
    a, b = (_operand(call, writer, operand, "", number) for number, operand in enumerate(call.args))
    writer.assign(call, f"{a} @ {b}")


@translates(numpy.Einsum, frameworks=("torch",))
def _einsum(call: Call, writer: TorchWriter) -> None:
    operands = [_operand(call, writer, operand, "", number) for number, operand in enumerate(call.args)]
    writer.assign(call, f'torch.einsum("{call.operation.subscripts}", {", ".join(operands)})')


@translates(core.Cast, frameworks=("torch",))
def _cast(call: Call, writer: TorchWriter) -> None:
    name = _DTYPES.get(call.operation.dtype)
    if name is None:
        raise untranslatable(call, f"the dtype {call.operation.dtype}")
    writer.assign_like(call, f"{writer.value(call.input)}.{name}()")


@translates(nn.OneHot, frameworks=("torch",))
def _one_hot(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    dtype = _DTYPES.get(operation.dtype or "float32")
    if operation.axis != -1 or operation.sparse or dtype is None:
        raise untranslatable(call, f"axis {operation.axis}, dtype {operation.dtype} or a sparse result")
    writer.assign(call, f"F.one_hot({writer.keras(call.input)}.long(), {operation.num_classes}).{dtype}()")


@translates(numpy.Pad, frameworks=("torch",))
def _pad(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    value = call.kwargs.get("constant_values", call.args[1] if len(call.args) > 1 else 0) or 0
    if operation.mode != "constant":
        raise untranslatable(call, f"the mode {operation.mode}")
    rank = len(call.input.shape)
    widths = [tuple(width) for width in operation.pad_width]
    widths = widths * rank if len(widths) == 1 else widths
    margins = tuple(size for width in reversed(widths) for size in width)
    given = f", value={float(value)}" if value else ""
    writer.assign(call, f"F.pad({writer.keras(call.input)}, {margins}{given})")


@translates(numpy.Where, frameworks=("torch",))
def _where(call: Call, writer: TorchWriter) -> None:
    operands = [*call.args, *call.kwargs.values()]
    condition, a, b = (_operand(call, writer, operand, "", number) for number, operand in enumerate(operands))
    writer.assign(call, f"torch.where({condition}, {a}, {b})")


@translates(numpy.Clip, frameworks=("torch",))
def _clip(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    writer.assign_like(call, f"{writer.value(call.input)}.clamp({operation.x_min}, {operation.x_max})")


@translates(numpy.Flip, frameworks=("torch",))
def _flip(call: Call, writer: TorchWriter) -> None:
    axes = _axes(call.operation.axis, len(call.input.shape))
    writer.assign(call, f"{writer.keras(call.input)}.flip({', '.join(map(str, axes))})")


@translates(numpy.Roll, frameworks=("torch",))
def _roll(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    axis = "" if operation.axis is None else f", {operation.axis}"
    writer.assign(call, f"{writer.keras(call.input)}.roll({operation.shift}{axis})")


@translates(numpy.Repeat, frameworks=("torch",))
def _repeat(call: Call, writer: TorchWriter) -> None:
    operation = call.operation
    if operation.axis is None or not isinstance(operation.repeats, int):
        raise untranslatable(call, "repeats of several numbers, or no axis")
    writer.assign(call, f"{writer.keras(call.input)}.repeat_interleave({operation.repeats}, {operation.axis})")


@translates(numpy.Tile, frameworks=("torch",))
def _tile(call: Call, writer: TorchWriter) -> None:
    repeats = call.operation.repeats
    times = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    writer.assign(call, f"{writer.keras(call.input)}.tile({times})")


@translates(numpy.BroadcastTo, frameworks=("torch",))
def _broadcast_to(call: Call, writer: TorchWriter) -> None:
    sizes = ", ".join("-1" if size is None else str(size) for size in call.output.shape)
    writer.assign(call, f"{writer.keras(call.input)}.expand({sizes})")


@translates(numpy.Take, frameworks=("torch",))
def _take(call: Call, writer: TorchWriter) -> None:
    operands = [*call.args, *call.kwargs.values()]
    x, indices = operands[0], operands[1]
    axis = call.operation.axis
    if not isinstance(x, Tensor) or isinstance(indices, Tensor) or axis is None:
        raise untranslatable(call, "indices that are computed, or no axis")
    place = [":"] * (axis % len(x.shape))
    writer.assign(call, f"{writer.keras(x)}[{', '.join([*place, repr(np.asarray(indices).tolist())])}]")


def _operand(call: Call, writer: TorchWriter, operand: Any, pattern: str, number: int) -> str:
    import keras

    if isinstance(operand, Tensor):
        return writer.keras(operand)
    if _is_number(operand):
        return _number(pattern, operand)
    if isinstance(operand, keras.Variable):
        return writer.parameter(call, Parameter(operand.name, operand), tuple(operand.shape))
    array = np.asarray(keras.ops.convert_to_numpy(operand) if keras.ops.is_tensor(operand) else operand)
    if array.size > _WRITTEN_OUT:
        raise untranslatable(call, f"a constant of {array.size} values")
    return writer.buffer(f"{call.path}_constant_{number}", f"torch.tensor({array.tolist()})")


def _number(pattern: str, value: Any) -> str:
    text = repr(np.asarray(value).item())
    return f"torch.tensor({text})" if pattern.startswith("torch.m") else f"({text})" if text.startswith("-") else text


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _axes(axis: int | Sequence[int] | None, rank: int) -> list[int]:
    given = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return sorted(number % rank for number in given)


def _index(call: Call, part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join([*ends, str(part.step)] if part.step not in (None, 1) else ends)
    if part is Ellipsis:
        return "..."
    if part is None or isinstance(part, int | np.integer):
        return str(part)
    if isinstance(part, list | np.ndarray):
        return repr(np.asarray(part).tolist())
    raise untranslatable(call, f"the index {type(part).__name__}")
