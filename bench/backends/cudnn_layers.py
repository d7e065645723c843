"""Which of Keras's layers cuDNN computes on torch, whose switch for TensorFloat-32 is its own."""

from __future__ import annotations

from typing import Any

_FAMILIES = ("Conv", "LSTM", "GRU")


def is_on_cudnn(layer: Any) -> bool:
    """Whether a layer is a convolution, an LSTM or a GRU of Keras's own, or inherits from one."""
    return any(
        base.__module__.startswith("keras.") and any(kind in base.__name__ for kind in _FAMILIES)
        for base in type(layer).__mro__
    )
