"""Sample a few values of a step's outputs, at the same places on every backend, to compare backends with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SIZE = 64


def carries_state(model: Any) -> bool:
    """Whether the model has a stateful recurrent layer, which carries state from one batch to the next."""
    return any(getattr(layer, "stateful", False) for layer in model._flatten_layers())


def sample_outputs(outputs: Sequence[np.ndarray[Any, Any]], size: int = SIZE) -> list[float]:
    """Up to `size` evenly spaced values of all outputs, flattened in order.

    Args:
        outputs: finite values on the host, of any dtype; integers (positions, classes) become floats.
    """
    flat = np.concatenate([np.asarray(output).astype(np.float64).ravel() for output in outputs])
    places = np.linspace(0, flat.size - 1, min(size, flat.size)).round().astype(int)
    return [float(value) for value in flat[places]]


def not_finite(outputs: Sequence[np.ndarray[Any, Any]]) -> str:
    """How many values are NaN or infinite, as in `3 of 640 values`; empty if all are finite."""
    bad = sum(int((~np.isfinite(np.asarray(output).astype(np.float64))).sum()) for output in outputs)
    return f"{bad} of {sum(output.size for output in outputs)} values" if bad else ""
