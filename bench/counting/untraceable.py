"""Layers whose `call` cannot run on shapes, because it uses a backend's own functions.

The backend traces such a layer: the sublayers it calls are counted from the shapes they get, and the
layer itself is listed as uncounted, since its own operations are not seen.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState
from anatomy.bench.errors.printable import printable, shortened, without_styles

# Keras writes a sentence of its own before the message of an error.
_PREAMBLES = (
    re.compile(r"Could not automatically infer .*?Error encountered:", re.DOTALL),
    re.compile(r"Exception encountered when calling .*"),
)
LONGEST_LINE = 160
# How the reason of a layer begins that runs on shapes not at all.
CLOSED = "its call cannot be seen through"
_OURS = str(Path(__file__).parents[2])


class UnknownWorkError(ValueError):
    """An operation whose work is not known, and whose outputs are not known either; the message says which."""


class ClosedLayerError(ValueError):
    """A layer runs neither on shapes nor on what a backend traces it with, so the shape of its output is not known."""


def leave_closed(state: InterpreterState, layer: Any, args: Any, kwargs: Any, reason: str) -> Any:
    """List a layer whose work is not known, without counting it; returns its symbolic outputs."""
    frame = state.enter(layer, (args, kwargs))
    frame.reasons.append(reason)
    outputs = state.output_spec(layer, args, kwargs)
    trains = any(weight.trainable for weight in layer.weights)
    return state.close(frame, outputs, state.find_origin((args, kwargs)).through(learns=trains))


def true_reason(error: BaseException) -> str:
    """Class and first line of an error, without what Keras writes around it, and the line of code that led to it.

    Of a long line, the first sentence.
    """
    text = without_styles(str(error))
    for preamble in _PREAMBLES:
        text = preamble.sub("", text, count=1)
    first = next((printable(line.strip()) for line in text.splitlines() if line.strip()), "")
    if isinstance(error, ClosedLayerError | UnknownWorkError):
        return first
    if len(first) > LONGEST_LINE:
        first = shortened(first.partition(". ")[0], LONGEST_LINE)
    return ": ".join(filter(None, [type(error).__name__, first])) + _place(error)


def _place(error: BaseException) -> str:
    """The last line of code outside the installed packages and Anatomy."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and _OURS not in frame.filename]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


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

    def output_spec(self, layer: Any, args: Any, kwargs: Any, failure: Exception) -> Any:
        """Shapes and dtypes of a layer's outputs: by the backend's trace, else as the layer itself gives them.

        Args:
            failure: what the layer raised on shapes.

        Raises:
            ClosedLayerError: they are not known.
        """
        try:
            return TracedCall(layer, self).compute_output_spec(*args, **kwargs)
        except Exception as error:  # on what a backend traces it with, a user's `call` may raise anything
            self.calls.clear()
            if type(layer).compute_output_spec is keras.Layer.compute_output_spec and _is_default(layer):
                kind = type(layer).__name__
                first = true_reason(failure)
                raise ClosedLayerError(
                    f"layer {layer.name!r} ({kind}) runs neither on shapes nor in a trace of the backend: {first}"
                ) from error
            return layer.compute_output_spec(*args, **kwargs)


class TracedCall(keras.Operation):  # type: ignore[misc]  # Keras has no types
    """A layer's `call` as an operation, whose shapes Keras always finds by tracing."""

    def __init__(self, layer: Any, tracer: Tracer) -> None:
        super().__init__(name=layer.name)
        self._layer, self._tracer = layer, tracer

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer; a backend may do so more than once, and the last time counts."""
        self._tracer.calls.clear()
        return self._layer.call(*args, **kwargs)


def _is_default(layer: Any) -> bool:
    """Whether a layer leaves the shape of its outputs to a trace."""
    return bool(getattr(type(layer).compute_output_shape, "_is_default", False))


def _as_symbolic(value: Any) -> Any:
    if keras.ops.is_tensor(value):
        return keras.KerasTensor(tuple(value.shape), dtype=keras.backend.standardize_dtype(value.dtype))
    return value
