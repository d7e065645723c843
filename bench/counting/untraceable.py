"""Layers whose `call` cannot run on shapes, because it uses a backend's own functions.

The backend traces such a layer: the sublayers it calls are counted from the shapes they get, and the
layer itself is listed as uncounted, since its own operations are not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState

# What Keras, TensorFlow, JAX, torch and numpy raise when they are given a symbolic tensor.
NOT_SYMBOLIC = (TypeError, ValueError, AttributeError, NotImplementedError)


def leave_closed(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> Any:
    """List a layer that runs another library's code, without counting it; returns its symbolic outputs."""
    frame = state.enter(layer, (args, kwargs))
    frame.reasons.append("it runs another library's code")
    outputs = state.output_spec(layer, args, kwargs)
    return state.close(frame, outputs, state.depth_of((args, kwargs)))


class Tracer:
    """Notes the sublayers that are called during a trace.

    Attributes:
        calls: layer, arguments and keyword arguments of each call, with symbolic tensors.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any]] = []
        self._inside = False

    def pass_on(self, layer: Any, args: Any, kwargs: Any, call: Callable[..., Any]) -> Any:
        """Note a call of a sublayer and run it; the calls inside it are found when it is visited."""
        if self._inside:
            return call(layer, *args, **kwargs)
        self.calls.append((layer, *keras.tree.map_structure(_as_symbolic, (args, kwargs))))
        self._inside = True
        try:
            return call(layer, *args, **kwargs)
        finally:
            self._inside = False


class TracedCall(keras.Operation):  # type: ignore[misc]  # Keras has no types
    """A layer's `call` as an operation, whose shapes Keras always finds by tracing."""

    def __init__(self, layer: Any, tracer: Tracer) -> None:
        super().__init__(name=layer.name)
        self._layer, self._tracer = layer, tracer

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer; a backend may do so more than once, and the last time counts."""
        self._tracer.calls.clear()
        return self._layer.call(*args, **kwargs)


def _as_symbolic(value: Any) -> Any:
    if keras.ops.is_tensor(value):
        return keras.KerasTensor(tuple(value.shape), dtype=keras.backend.standardize_dtype(value.dtype))
    return value
