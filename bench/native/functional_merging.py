"""Layers that join several tensors."""

from __future__ import annotations

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Add, frameworks=BOTH)
def _add(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, " + ".join(_values(call, writer)))


@translates(layers.Subtract, frameworks=BOTH)
def _subtract(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, " - ".join(_values(call, writer)))


@translates(layers.Multiply, frameworks=BOTH)
def _multiply(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, " * ".join(_values(call, writer)))


@translates(layers.Average, frameworks=BOTH)
def _average(call: Call, writer: FunctionalWriter) -> None:
    values = _values(call, writer)
    writer.assign(call, f"({' + '.join(values)}) / {len(values)}")


@translates(layers.Maximum, frameworks=BOTH)
def _maximum(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, _nested(call, writer, writer.choose("jnp.maximum", "tf.maximum")))


@translates(layers.Minimum, frameworks=BOTH)
def _minimum(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, _nested(call, writer, writer.choose("jnp.minimum", "tf.minimum")))


@translates(layers.Concatenate, frameworks=BOTH)
def _concatenate(call: Call, writer: FunctionalWriter) -> None:
    function = writer.choose("jnp.concatenate", "tf.concat")
    values = ", ".join(writer.value(tensor) for tensor in call.inputs)
    writer.assign(call, f"{function}([{values}], {call.operation.axis})")


@translates(layers.Dot, frameworks=BOTH)
def _dot(call: Call, writer: FunctionalWriter) -> None:
    layer, shapes = call.operation, [tensor.shape for tensor in call.inputs]
    axes = [layer.axes, layer.axes] if isinstance(layer.axes, int) else list(layer.axes)
    axes = [axis % len(shape) for axis, shape in zip(axes, shapes, strict=True)]
    if layer.normalize or any(len(shape) > 3 for shape in shapes):
        raise untranslatable(call, "normalisation or more than three axes")
    left, right = ("a" + letters[: len(shape) - 1] for letters, shape in zip(("bc", "de"), shapes, strict=True))
    right = right[: axes[1]] + left[axes[0]] + right[axes[1] + 1 :]
    out = "".join(letter for letter in left + right[1:] if letter == "a" or (left + right).count(letter) == 1)
    values = ", ".join(writer.value(tensor) for tensor in call.inputs)
    expression = f'{writer.choose("jnp.einsum", "tf.einsum")}("{left},{right}->{out}", {values})'
    writer.assign(call, f"{expression}[:, None]" if out == "a" else expression)


def _values(call: Call, writer: FunctionalWriter) -> list[str]:
    """The expressions of the tensors, which must have as many axes."""
    if len({len(tensor.shape) for tensor in call.inputs}) > 1:
        raise untranslatable(call, "inputs with different numbers of axes")
    return [writer.value(tensor) for tensor in call.inputs]


def _nested(call: Call, writer: FunctionalWriter, function: str) -> str:
    expression, *others = _values(call, writer)
    for other in others:
        expression = f"{function}({expression}, {other})"
    return expression
