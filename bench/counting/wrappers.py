"""Layers that run another layer: over time, in both directions, or step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.untraceable import leave_closed


def time_distributed(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """Count the inner layer once for each step of axis 1; a model inside is listed layer by layer."""
    sequences = symbolic_tensors((args, kwargs))
    length = sequences[0].shape[1]
    depth = state.depth_of(sequences)
    folded = classify(layer.layer)[0] != "open"
    frame = state.enter(layer, (args, kwargs), folded=folded)
    with state.inside(frame):
        state.steps.append(length)
        step = keras.tree.map_structure(_one_step, args[0] if args else kwargs["inputs"])
        state.set_depth(step, depth)
        state.share(sequences[0], symbolic_tensors(step)[0])
        step_outputs = layer.layer(step)
        state.steps.pop()
    outputs = keras.tree.map_structure(lambda tensor: _repeat_steps(tensor, length), step_outputs)
    state.set_depth(outputs, state.depth_of(step_outputs))
    for one, whole in zip(symbolic_tensors(step_outputs), symbolic_tensors(outputs), strict=True):
        state.share(one, whole)
    return state.close(frame, outputs, None) if folded else outputs


def bidirectional(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """Count both directions over the same sequence; merging them costs no MACs."""
    outputs = state.output_spec(layer, args, kwargs)
    sequences = symbolic_tensors((args, kwargs))[0]
    frame = state.enter(layer, (args, kwargs), folded=True)
    with state.inside(frame):
        layer.forward_layer(sequences)
        layer.backward_layer(sequences)
    return state.close(frame, outputs, state.depth_of((args, kwargs)) + frame.has_kernel)


def custom_cell(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """Open the cell of a recurrent layer, which runs once for each step of axis 1."""
    if not isinstance(layer.cell, keras.Layer):
        return leave_closed(state, layer, args, kwargs)
    outputs = state.output_spec(layer, args, kwargs)
    sequences = symbolic_tensors((args, kwargs))[0]
    frame = state.enter(layer, (args, kwargs), folded=True)
    with state.inside(frame):
        state.steps.append(sequences.shape[1])
        step = _one_step(sequences)
        state.share(sequences, step)
        states = keras.tree.map_structure(
            lambda units: keras.KerasTensor((step.shape[0], units), dtype=step.dtype), layer.cell.state_size
        )
        layer.cell(step, states if isinstance(states, (list, tuple)) else [states])
        state.steps.pop()
    return state.close(frame, outputs, state.depth_of((args, kwargs)) + frame.has_kernel)


def _one_step(tensor: Any) -> Any:
    return keras.KerasTensor((tensor.shape[0], *tensor.shape[2:]), dtype=tensor.dtype)


def _repeat_steps(tensor: Any, length: int | None) -> Any:
    return keras.KerasTensor((tensor.shape[0], length, *tensor.shape[1:]), dtype=tensor.dtype)


WRAPPERS: dict[str, Callable[[InterpreterState, Any, Any, Any], Any]] = {
    "TimeDistributed": time_distributed,
    "Bidirectional": bidirectional,
}
