"""Sources of examples; the second step of one is slow. Processes that load data import this: no framework."""

import time
from typing import Any

import numpy as np

SLEEP_S = 0.004


def slow() -> tuple[list[int], dict[str, Any]]:
    """Sixty-four items; `decode` takes four milliseconds."""
    return list(range(64)), {"read": _read, "decode": _decode, "augment": _augment}


def with_targets() -> tuple[list[int], dict[str, Any]]:
    """Items whose last step returns inputs and target."""
    return list(range(64)), {"make": lambda number: (np.full((8, 8, 3), number, "float32"), np.int32(number % 10))}


def nothing() -> list[int]:
    """Items alone, which is not what is expected."""
    return [1, 2]


def _read(number: int) -> int:
    return number


def _decode(number: int) -> Any:
    time.sleep(SLEEP_S)
    return np.full((8, 8, 3), number % 7, "float32")


def _augment(pixels: Any) -> Any:
    return pixels[:, ::-1].copy()
