"""Operations of `keras.ops` that a functional model holds: arithmetic on tensors, slices, reductions, products."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.ops import core, math, nn, numpy

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call, Tensor
from anatomy.bench.native.translation import Translator, translates, untranslatable

# Templates of the operands {0}, {1} and of attributes of the operation; a pair is JAX's and TensorFlow's.
_TEMPLATES: dict[type, str | tuple[str, str]] = {
    numpy.Add: "{0} + {1}",
    numpy.Subtract: "{0} - {1}",
    numpy.Multiply: "{0} * {1}",
    numpy.Divide: "{0} / {1}",
    numpy.TrueDivide: "{0} / {1}",
    numpy.Power: "{0} ** {1}",
    numpy.Negative: "-{0}",
    numpy.Greater: "{0} > {1}",
    numpy.GreaterEqual: "{0} >= {1}",
    numpy.Less: "{0} < {1}",
    numpy.LessEqual: "{0} <= {1}",
    numpy.Equal: ("{0} == {1}", "tf.equal({0}, {1})"),
    numpy.NotEqual: ("{0} != {1}", "tf.not_equal({0}, {1})"),
    numpy.LogicalAnd: ("jnp.logical_and({0}, {1})", "tf.logical_and({0}, {1})"),
    numpy.LogicalOr: ("jnp.logical_or({0}, {1})", "tf.logical_or({0}, {1})"),
    numpy.LogicalNot: ("jnp.logical_not({0})", "tf.logical_not({0})"),
    numpy.Maximum: ("jnp.maximum({0}, {1})", "tf.maximum({0}, {1})"),
    numpy.Minimum: ("jnp.minimum({0}, {1})", "tf.minimum({0}, {1})"),
    numpy.Where: ("jnp.where({0}, {1}, {2})", "tf.where({0}, {1}, {2})"),
    numpy.Matmul: ("{0} @ {1}", "tf.matmul({0}, {1})"),
    numpy.Absolute: ("jnp.abs({0})", "tf.abs({0})"),
    numpy.Exp: ("jnp.exp({0})", "tf.exp({0})"),
    numpy.Expm1: ("jnp.expm1({0})", "tf.math.expm1({0})"),
    numpy.Log: ("jnp.log({0})", "tf.math.log({0})"),
    numpy.Log1p: ("jnp.log1p({0})", "tf.math.log1p({0})"),
    numpy.Sqrt: ("jnp.sqrt({0})", "tf.sqrt({0})"),
    math.Rsqrt: ("lax.rsqrt({0})", "tf.math.rsqrt({0})"),
    numpy.Square: ("jnp.square({0})", "tf.square({0})"),
    numpy.Reciprocal: ("1 / {0}", "1 / {0}"),
    numpy.Sin: ("jnp.sin({0})", "tf.sin({0})"),
    numpy.Cos: ("jnp.cos({0})", "tf.cos({0})"),
    numpy.Sign: ("jnp.sign({0})", "tf.sign({0})"),
    numpy.Floor: ("jnp.floor({0})", "tf.floor({0})"),
    numpy.Ceil: ("jnp.ceil({0})", "tf.math.ceil({0})"),
    numpy.OnesLike: ("jnp.ones_like({0})", "tf.ones_like({0})"),
    numpy.ZerosLike: ("jnp.zeros_like({0})", "tf.zeros_like({0})"),
    math.Erf: ("jax.scipy.special.erf({0})", "tf.math.erf({0})"),
    core.StopGradient: ("lax.stop_gradient({0})", "tf.stop_gradient({0})"),
    core.Cast: ('{0}.astype("{dtype}")', 'tf.cast({0}, "{dtype}")'),
    numpy.Clip: ("jnp.clip({0}, {x_min}, {x_max})", "tf.clip_by_value({0}, {x_min}, {x_max})"),
    numpy.Flip: ("jnp.flip({0}, {axis})", "tf.reverse({0}, [{axis}])"),
    numpy.Take: ("jnp.take({0}, {1}, {axis})", "tf.gather({0}, {1}, axis={axis})"),
    numpy.Transpose: ("jnp.transpose({0}, {axes})", "tf.transpose({0}, {axes})"),
    numpy.Tile: ("jnp.tile({0}, {repeats})", "tf.tile({0}, {repeats})"),
    numpy.Repeat: ("jnp.repeat({0}, {repeats}, {axis})", "tf.repeat({0}, {repeats}, {axis})"),
    numpy.Argmax: ("jnp.argmax({0}, {axis})", "tf.argmax({0}, {axis}, tf.int32)"),
    nn.OneHot: ("jax.nn.one_hot({0}, {num_classes}, axis={axis})", "tf.one_hot({0}, {num_classes}, axis={axis})"),
}
_REDUCTIONS: dict[type, tuple[str, str]] = {
    numpy.Mean: ("jnp.mean", "tf.reduce_mean"),
    numpy.Sum: ("jnp.sum", "tf.reduce_sum"),
    numpy.Max: ("jnp.max", "tf.reduce_max"),
    numpy.Min: ("jnp.min", "tf.reduce_min"),
    numpy.Prod: ("jnp.prod", "tf.reduce_prod"),
    numpy.Var: ("jnp.var", "tf.math.reduce_variance"),
    numpy.Std: ("jnp.std", "tf.math.reduce_std"),
    math.Logsumexp: ("jax.nn.logsumexp", "tf.reduce_logsumexp"),
}
# Longer ones are no part of a program that is read.
_LARGEST_CONSTANT = 256


def _by_template(template: str | tuple[str, str]) -> Translator:
    def translate(call: Call, writer: FunctionalWriter) -> None:
        text = template if isinstance(template, str) else writer.choose(*template)
        if "axis" in text and getattr(call.operation, "axis", 0) is None:
            raise untranslatable(call, "no axis")
        values = [_operand(call, value, writer) for value in (*call.args, *call.kwargs.values())]
        writer.assign(call, text.format(*values, **vars(call.operation)))

    return translate


for _kind, _template in _TEMPLATES.items():
    translates(_kind, frameworks=BOTH)(_by_template(_template))


@translates(*_REDUCTIONS, frameworks=BOTH)
def _reduce(call: Call, writer: FunctionalWriter) -> None:
    operation = call.operation
    options = (f", {name}={getattr(operation, name)}" for name in ("axis", "keepdims") if getattr(operation, name))
    axis = ", axis=0" if operation.axis == 0 and not isinstance(operation.axis, bool) else ""
    function = writer.choose(*_REDUCTIONS[type(operation)])
    writer.assign(call, f"{function}({writer.value(call.input)}{axis}{''.join(options)})")


@translates(numpy.GetItem, frameworks=BOTH)
def _get_item(call: Call, writer: FunctionalWriter) -> None:
    x, key = call.args
    writer.assign(call, f"{writer.value(x)}[{_index(call, key)}]")


@translates(numpy.Reshape, frameworks=BOTH)
def _reshape(call: Call, writer: FunctionalWriter) -> None:
    (batch, *sizes), (before, *_) = call.output.shape, call.input.shape
    shape = tuple(-1 if size is None else size for size in sizes)
    x = writer.value(call.input)
    if before is None and call.operation.newshape[0] == -1 and -1 not in shape:
        expression = writer.choose(f"{x}.reshape(-1, *{shape})", f"tf.reshape({x}, (-1, *{shape}))")
    elif batch is None and shape.count(-1) < 2:
        expression = f"reshape({x}, {shape})"
    elif batch is not None and shape.count(-1) < 2:
        expression = writer.choose(f"{x}.reshape({(batch, *shape)})", f"tf.reshape({x}, {(batch, *shape)})")
    else:
        raise untranslatable(call, "more than one open size")
    writer.assign(call, expression)


@translates(numpy.Concatenate, frameworks=BOTH)
def _concatenate(call: Call, writer: FunctionalWriter) -> None:
    values = ", ".join(_operand(call, value, writer) for value in call.args[0])
    writer.assign(call, f"{writer.choose('jnp.concatenate', 'tf.concat')}([{values}], {call.operation.axis})")


@translates(numpy.Stack, frameworks=BOTH)
def _stack(call: Call, writer: FunctionalWriter) -> None:
    values = ", ".join(_operand(call, value, writer) for value in call.args[0])
    writer.assign(call, f"{writer.choose('jnp.stack', 'tf.stack')}([{values}], {call.operation.axis})")


@translates(numpy.Split, frameworks=BOTH)
def _split(call: Call, writer: FunctionalWriter) -> None:
    parts, axis = call.operation.indices_or_sections, call.operation.axis
    if not isinstance(parts, int):
        raise untranslatable(call, "places to split at")
    function = writer.choose("jnp.split", "tf.split")
    writer.assign(call, f"{function}({writer.value(call.input)}, {parts}, {axis})")


@translates(numpy.ExpandDims, frameworks=BOTH)
def _expand_dims(call: Call, writer: FunctionalWriter) -> None:
    axis = call.operation.axis
    x = writer.value(call.input)
    for place in sorted(number % len(call.output.shape) for number in ([axis] if isinstance(axis, int) else axis)):
        x = f"{writer.choose('jnp.expand_dims', 'tf.expand_dims')}({x}, {place})"
    writer.assign(call, x)


@translates(numpy.Squeeze, frameworks=BOTH)
def _squeeze(call: Call, writer: FunctionalWriter) -> None:
    axis = call.operation.axis
    axes = "" if axis is None else f", {(axis,) if isinstance(axis, int) else tuple(axis)}"
    writer.assign(call, f"{writer.choose('jnp.squeeze', 'tf.squeeze')}({writer.value(call.input)}{axes})")


@translates(numpy.Swapaxes, frameworks=BOTH)
def _swapaxes(call: Call, writer: FunctionalWriter) -> None:
    axes = list(range(len(call.input.shape)))
    one, other = call.operation.axis1, call.operation.axis2
    axes[one], axes[other] = axes[other], axes[one]
    writer.assign(call, f"{writer.choose('jnp.transpose', 'tf.transpose')}({writer.value(call.input)}, {axes})")


@translates(numpy.Einsum, frameworks=BOTH)
def _einsum(call: Call, writer: FunctionalWriter) -> None:
    values = ", ".join(_operand(call, value, writer) for value in call.args)
    function = writer.choose("jnp.einsum", "tf.einsum")
    writer.assign(call, f'{function}("{call.operation.subscripts}", {values})')


@translates(numpy.Pad, frameworks=BOTH)
def _pad(call: Call, writer: FunctionalWriter) -> None:
    operation = call.operation
    value = call.kwargs.get("constant_values", call.args[1] if len(call.args) > 1 else None) or 0
    if operation.mode != "constant" or not isinstance(value, int | float):
        raise untranslatable(call, f"mode {operation.mode}")
    widths = tuple(map(tuple, operation.pad_width))
    widths = widths * len(call.input.shape) if len(widths) == 1 else widths
    function = writer.choose("jnp.pad", "tf.pad")
    writer.assign(call, f"{function}({writer.value(call.input)}, {widths}, constant_values={float(value)})")


@translates(nn.Normalize, frameworks=BOTH)
def _normalize(call: Call, writer: FunctionalWriter) -> None:
    operation = call.operation
    axes = [operation.axis] if isinstance(operation.axis, int) else list(operation.axis)
    if operation.order != 2 or operation.epsilon not in (None, 1e-12):
        raise untranslatable(call, f"order {operation.order} and epsilon {operation.epsilon}")
    writer.assign(call, f"unit_norm({writer.value(call.input)}, {tuple(axes)})")


def _operand(call: Call, value: Any, writer: FunctionalWriter) -> str:
    """A tensor's expression, or a number."""
    if isinstance(value, Tensor):
        return writer.value(value)
    if value is None or isinstance(value, bool | int | float | str):
        return f"({value!r})" if isinstance(value, int | float) and value < 0 else repr(value)
    return _constant(call, value, writer)


def _constant(call: Call, value: Any, writer: FunctionalWriter) -> str:
    """A small array that the model was built with, written out."""
    import keras

    if not keras.ops.is_tensor(value) and not isinstance(value, np.ndarray | np.generic):
        raise untranslatable(call, f"the operand {type(value).__name__}")
    array = keras.ops.convert_to_numpy(value)
    if array.size > _LARGEST_CONSTANT:
        raise untranslatable(call, f"a constant array of {array.size} values")
    if array.ndim == 0:
        return repr(array.item())
    return f'{writer.choose("jnp.array", "tf.constant")}({array.tolist()}, "{array.dtype}")'


def _index(call: Call, key: Any) -> str:
    if isinstance(key, tuple | list):
        return ", ".join(_index(call, part) for part in key)
    if isinstance(key, slice):
        parts = ["" if part is None else str(part) for part in (key.start, key.stop, key.step)]
        return ":".join(parts[:2] if key.step is None else parts)
    if key is None or key is Ellipsis or isinstance(key, int):
        return "..." if key is Ellipsis else str(key)
    raise untranslatable(call, "an index that is a tensor")
