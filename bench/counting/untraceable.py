"""Layers whose `call` cannot run on shapes, because it uses a backend's own functions.

Such a layer is traced by its backend instead: the sublayers it calls are counted from the shapes
they get, and the layer itself is listed as uncounted, since its own operations are not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from anatomy.bench.counting.layer_counts import Frame

if TYPE_CHECKING:
    from anatomy.bench.counting.interpreter import Interpreter

# What Keras, TensorFlow, JAX, torch and numpy raise when they are given a symbolic tensor.
_NOT_SYMBOLIC = (TypeError, ValueError, AttributeError, NotImplementedError)


def call_or_trace(interpreter: Interpreter, frame: Frame, args: Any, kwargs: Any) -> Any:
    """Run a layer's `call` on symbolic tensors, or have the backend trace it where that fails.

    Raises:
        Exception: what the layer itself raises when the backend traces it too.
    """
    ledger, layer = interpreter.ledger.snapshot(), frame.layer
    macs = (frame.macs, frame.product_macs, frame.has_kernel, list(frame.reasons))
    try:
        return layer.call(*args, **kwargs)
    except _NOT_SYMBOLIC as error:
        if isinstance(layer, (keras.Function, keras.Sequential)):
            raise
        interpreter.ledger.restore(ledger)
        frame.macs, frame.product_macs, frame.has_kernel, frame.reasons = macs
        frame.reasons.append(f"its call uses functions that cannot be seen through ({type(error).__name__})")
        return trace(interpreter, layer, args, kwargs)


def leave_closed(interpreter: Interpreter, layer: Any, args: Any, kwargs: Any) -> Any:
    """A layer that runs another library's code: listed, not counted."""
    frame = interpreter.enter(layer, (args, kwargs))
    frame.reasons.append("it runs another library's code")
    outputs = interpreter.output_spec(layer, args, kwargs)
    return interpreter.close(frame, outputs, interpreter.depth_of((args, kwargs)))


def trace(interpreter: Interpreter, layer: Any, args: Any, kwargs: Any) -> Any:
    """Have the backend trace a layer's `call`, and count the sublayers that it calls on the way."""
    tracer = Tracer(interpreter, interpreter.depth_of((args, kwargs)))
    interpreter.tracer, before = tracer, interpreter.tracer
    try:
        outputs = interpreter.output_spec(_Call(layer, tracer), args, kwargs)
    finally:
        interpreter.tracer = before
    tracer.write()
    interpreter.set_depth(outputs, tracer.depth)
    return outputs


class _Call(keras.Operation):  # type: ignore[misc]  # Keras has no types
    """A layer's `call` as an operation whose shapes are always found by tracing."""

    def __init__(self, layer: Any, tracer: Tracer) -> None:
        super().__init__(name=layer.name)
        self._layer, self._tracer = layer, tracer

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer; a backend may do so more than once, and the last time counts."""
        self._tracer.calls.clear()
        return self._layer.call(*args, **kwargs)


class Tracer:
    """The sublayers called during a trace, with the shapes they were given.

    Attributes:
        depth: the path so far. Calls are taken to follow each other, since a trace does not show
            which output went where: an upper bound.
    """

    def __init__(self, interpreter: Interpreter, depth: int) -> None:
        self.interpreter = interpreter
        self.depth = depth
        self.calls: list[tuple[Any, Any, Any]] = []

    def pass_on(self, layer: Any, args: Any, kwargs: Any, call: Callable[..., Any]) -> Any:
        """Note a call of a sublayer and run it; what it calls itself is found when it is visited."""
        self.calls.append((layer, *keras.tree.map_structure(_as_symbolic, (args, kwargs))))
        self.interpreter.tracer = None
        try:
            return call(layer, *args, **kwargs)
        finally:
            self.interpreter.tracer = self

    def write(self) -> None:
        """Count the noted calls, one after the other."""
        for layer, args, kwargs in self.calls:
            self.interpreter.set_depth((args, kwargs), self.depth)
            outputs = self.interpreter.visit_layer(layer, args, kwargs)
            self.depth = max(self.depth, self.interpreter.depth_of(outputs))


def _as_symbolic(value: Any) -> Any:
    if keras.ops.is_tensor(value):
        return keras.KerasTensor(tuple(value.shape), dtype=keras.backend.standardize_dtype(value.dtype))
    return value
