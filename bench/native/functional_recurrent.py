"""Recurrent layers, and two of them over the same steps in both directions."""

from __future__ import annotations

from typing import Any

from keras import activations, layers

from anatomy.bench.native.functional_noise import dropout_expression
from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable

_FUNCTIONS = {layers.LSTM: ("lstm", 2), layers.GRU: ("gru", 1), layers.SimpleRNN: ("simple_rnn", 1)}


# On a CPU a wide layer takes up to a third less time in inference if its steps, no more than these, are unrolled; a
# narrow one takes more, and so does training.
MOST_UNROLLED, LEAST_UNITS = 64, 128


@translates(*_FUNCTIONS, frameworks=BOTH)
def _recurrent(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    expression = _expression(call, layer, call.path, writer)
    _, states = _FUNCTIONS[type(layer)]
    if layer.return_state:
        return writer.assign(call, expression)
    return writer.assign(call, expression, *["_"] * states)


@translates(layers.Bidirectional, frameworks=BOTH)
def _bidirectional(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    both = [layer.forward_layer, layer.backward_layer]
    if any(type(one) not in _FUNCTIONS for one in both) or layer.return_state or len(call.inputs) > 1:
        raise untranslatable(call, "other layers than LSTM, GRU or SimpleRNN, or states")
    for name, one in zip(("left", "right"), both, strict=True):
        writer.line(f"{name}, *_ = {_expression(call, one, f'{call.path}/{one.name}', writer)}")
    right = "right"
    if layer.return_sequences:
        right = writer.choose("jnp.flip(right, 1)", "tf.reverse(right, [1])")
    merged = {
        "concat": f"{writer.choose('jnp.concatenate', 'tf.concat')}([left, {right}], -1)",
        "sum": f"left + {right}",
        "ave": f"(left + {right}) / 2",
        "mul": f"left * {right}",
        None: f"left, {right}",
    }
    writer.assign(call, merged[layer.merge_mode])


def _expression(call: Call, layer: Any, path: str, writer: FunctionalWriter) -> str:
    """The call of the function of a recurrent layer, which returns the outputs and the states."""
    function, states = _FUNCTIONS[type(layer)]
    _require_plain(call, layer, writer)
    cell = layer.cell
    given = {"kernel": cell.kernel, "recurrent_kernel": cell.recurrent_kernel}
    if cell.bias is not None:
        given["bias"] = cell.bias
    keys = dict.fromkeys(writer.weight(path, name, variable).rpartition("[")[0] for name, variable in given.items())
    first, *initial = call.inputs
    x = dropout_expression(call, writer, writer.value(first), layer.dropout, shared=(1,))
    parts = [x, " | ".join(keys)]
    if layer.return_sequences:
        parts.append("sequences=True")
    if layer.go_backwards:
        parts.append("backwards=True")
    if initial:
        if len(initial) != states:
            raise untranslatable(call, f"{len(initial)} initial states")
        parts.append(f"initial=({', '.join(map(writer.value, initial))},)")
    if function == "gru" and not cell.reset_after:
        parts.append("reset_after=False")
    if writer.framework == "jax" and not writer.trains and _is_faster_unrolled(first.shape[1], cell.units):
        parts.append("unroll=True")
    return f"{function}({', '.join(parts)})"


def _is_faster_unrolled(steps: int | None, units: int) -> bool:
    return steps is not None and steps <= MOST_UNROLLED and units >= LEAST_UNITS


def _require_plain(call: Call, layer: Any, writer: FunctionalWriter) -> None:
    if layer.stateful:
        raise untranslatable(call, "a state that stays from batch to batch")
    gates = getattr(layer, "recurrent_activation", activations.sigmoid)
    if layer.activation is not activations.tanh or gates is not activations.sigmoid:
        raise untranslatable(call, "other activations than tanh and sigmoid")
    if writer.trains and layer.recurrent_dropout:
        raise untranslatable(call, "recurrent dropout")
