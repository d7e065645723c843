"""Layers that run another layer: over time, in both directions, or step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import Frame, symbolic_tensors
from anatomy.bench.counting.tensor_origin import Origin, joined
from anatomy.bench.counting.untraceable import leave_closed


def time_distributed(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """Count the inner layer once for each step of axis 1; a model inside is listed layer by layer."""
    whole = args[0] if args else kwargs["inputs"]
    length = symbolic_tensors(whole)[0].shape[1]
    folded = classify(layer.layer)[0] != "open"
    frame = state.enter(layer, (args, kwargs), folded=folded)
    with state.inside(frame):
        state.steps.append(length)
        step = keras.tree.map_structure(_one_step, whole)
        _share(state, whole, step)
        step_outputs = layer.layer(step)
        state.steps.pop()
    outputs = keras.tree.map_structure(lambda tensor: _repeat_steps(tensor, length), step_outputs)
    _share(state, step_outputs, outputs)
    return state.close(frame, outputs, None) if folded else outputs


def bidirectional(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """Count both directions over the same sequence; merging them costs no MACs."""
    outputs = state.output_spec(layer, args, kwargs)
    sequences = symbolic_tensors((args, kwargs))[0]
    frame = state.enter(layer, (args, kwargs), folded=True)
    with state.inside(frame):
        inner = [layer.forward_layer(sequences), layer.backward_layer(sequences)]
    return state.close(frame, outputs, _behind(state, frame, (args, kwargs), inner))


def custom_cell(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """Open the cell of a recurrent layer, which runs once for each step of axis 1."""
    if not isinstance(layer.cell, keras.Layer):
        return leave_closed(state, layer, args, kwargs, "its cell is no layer")
    outputs = state.output_spec(layer, args, kwargs)
    sequences = symbolic_tensors((args, kwargs))[0]
    frame = state.enter(layer, (args, kwargs), folded=True)
    behind = _behind(state, frame, (args, kwargs))
    with state.inside(frame):
        state.steps.append(sequences.shape[1])
        step = _one_step(sequences)
        state.share(sequences, step)
        states = keras.tree.map_structure(
            lambda units: keras.KerasTensor((step.shape[0], units), dtype=step.dtype), layer.cell.state_size
        )
        # A state depends on the steps before.
        state.set_origin(states, behind)
        # Masks of a cell's dropout are drawn from values.
        inner = layer.cell(step, states if isinstance(states, (list, tuple)) else [states], training=False)
        state.steps.pop()
    return state.close(frame, outputs, _behind(state, frame, (args, kwargs), inner))


def _behind(state: InterpreterState, frame: Frame, given: Any, inner: Any = ()) -> Origin:
    """The origin of the outputs of a layer that is given these tensors.

    Args:
        inner: what the layers inside it put out: gradients go back through them.
    """
    trains = any(weight.trainable for weight in frame.layer.weights)
    behind = state.find_origin(given).deeper(frame.has_kernel).through(learns=trains)
    return replace(behind, path=joined([behind, state.find_origin(inner)]).path)


def _share(state: InterpreterState, source: Any, result: Any) -> None:
    for one, other in zip(symbolic_tensors(source), symbolic_tensors(result), strict=True):
        state.share(one, other)


def _one_step(tensor: Any) -> Any:
    return keras.KerasTensor((tensor.shape[0], *tensor.shape[2:]), dtype=tensor.dtype)


def _repeat_steps(tensor: Any, length: int | None) -> Any:
    return keras.KerasTensor((tensor.shape[0], length, *tensor.shape[1:]), dtype=tensor.dtype)


WRAPPERS: dict[str, Callable[[InterpreterState, Any, Any, Any], Any]] = {
    "TimeDistributed": time_distributed,
    "Bidirectional": bidirectional,
}
