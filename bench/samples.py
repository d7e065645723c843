"""A few values of a step's outputs, at the same places on every backend, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SIZE = 64


def sample_outputs(outputs: Sequence[np.ndarray[Any, Any]], size: int = SIZE) -> list[float]:
    """Evenly spaced values over all outputs, flattened in order; fewer where there are fewer.

    Args:
        outputs: values on the host, of any dtype. Integer outputs (positions, classes) are converted.

    Raises:
        ValueError: an output holds NaN or infinity.
    """
    flat = np.concatenate([np.asarray(output).astype(np.float64).ravel() for output in outputs])
    if not np.isfinite(flat).all():
        raise ValueError(f"{int((~np.isfinite(flat)).sum())} of {flat.size} output values are not finite")
    places = np.linspace(0, flat.size - 1, min(size, flat.size)).round().astype(int)
    return [float(value) for value in flat[places]]
