"""Layers that run another layer: over time, in both directions, or step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from anatomy.bench.counting import untraceable
from anatomy.bench.counting.formulas import has_known_cells
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import symbolic_tensors

if TYPE_CHECKING:
    from anatomy.bench.counting.interpreter import Interpreter


def time_distributed(interpreter: Interpreter, layer: Any, args: Any, kwargs: Any) -> Any:
    """The inner layer once for each step of axis 1; a model inside is listed layer by layer."""
    sequences = symbolic_tensors((args, kwargs))
    length = sequences[0].shape[1]
    depth = interpreter.depth_of(sequences)
    folded = classify(layer.layer)[0] != "open"
    frame = interpreter.enter(layer, (args, kwargs), folded=folded)
    with interpreter.inside(frame):
        interpreter.steps.append(length)
        step = keras.tree.map_structure(_one_step, args[0] if args else kwargs["inputs"])
        interpreter.set_depth(step, depth)
        interpreter.share(sequences[0], symbolic_tensors(step)[0])
        step_outputs = layer.layer(step)
        interpreter.steps.pop()
    outputs = keras.tree.map_structure(lambda tensor: _repeat_steps(tensor, length), step_outputs)
    interpreter.set_depth(outputs, interpreter.depth_of(step_outputs))
    for one, whole in zip(symbolic_tensors(step_outputs), symbolic_tensors(outputs), strict=True):
        interpreter.share(one, whole)
    return interpreter.close(frame, outputs, None) if folded else outputs


def bidirectional(interpreter: Interpreter, layer: Any, args: Any, kwargs: Any) -> Any:
    """Both directions over the same sequence; the way they are merged costs no MACs."""
    outputs = interpreter.output_spec(layer, args, kwargs)
    sequences = symbolic_tensors((args, kwargs))[0]
    frame = interpreter.enter(layer, (args, kwargs), folded=True)
    with interpreter.inside(frame):
        layer.forward_layer(sequences)
        layer.backward_layer(sequences)
    return interpreter.close(frame, outputs, interpreter.depth_of((args, kwargs)) + frame.has_kernel)


def custom_cell(interpreter: Interpreter, layer: Any, args: Any, kwargs: Any) -> Any:
    """A recurrent layer: its cell is opened and runs once for each step of axis 1."""
    if not isinstance(layer.cell, keras.Layer):
        return untraceable.leave_closed(interpreter, layer, args, kwargs)
    outputs = interpreter.output_spec(layer, args, kwargs)
    sequences = symbolic_tensors((args, kwargs))[0]
    frame = interpreter.enter(layer, (args, kwargs), folded=True)
    with interpreter.inside(frame):
        interpreter.steps.append(sequences.shape[1])
        step = _one_step(sequences)
        interpreter.share(sequences, step)
        states = keras.tree.map_structure(
            lambda units: keras.KerasTensor((step.shape[0], units), dtype=step.dtype), layer.cell.state_size
        )
        layer.cell(step, states if isinstance(states, (list, tuple)) else [states])
        interpreter.steps.pop()
    return interpreter.close(frame, outputs, interpreter.depth_of((args, kwargs)) + frame.has_kernel)


def rnn(interpreter: Interpreter, layer: Any, args: Any, kwargs: Any) -> Any:
    """`keras.layers.RNN`: by formula when all its cells are Keras's own."""
    if has_known_cells(layer):
        return interpreter.leaf(layer, args, kwargs, "LSTM")
    return custom_cell(interpreter, layer, args, kwargs)


def _one_step(tensor: Any) -> Any:
    return keras.KerasTensor((tensor.shape[0], *tensor.shape[2:]), dtype=tensor.dtype)


def _repeat_steps(tensor: Any, length: int | None) -> Any:
    return keras.KerasTensor((tensor.shape[0], length, *tensor.shape[1:]), dtype=tensor.dtype)


VISITS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "TimeDistributed": time_distributed,
    "Bidirectional": bidirectional,
    "RNN": rnn,
}
