"""Messages between the processes of a group: JSON, with arrays as raw bytes behind it. No pickle comes over a network.

An order is a name and its arguments; an answer is any tree of lists, dictionaries, numbers, texts and arrays.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_ARRAY = "array of"
_SEPARATOR = b"\n"


def encode(value: Any) -> bytes:
    """One line of JSON, and the bytes of each array in order. Tuples become lists.

    Raises:
        TypeError: a value of another kind.
    """
    arrays: list[bytes] = []

    def plain(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            arrays.append(np.ascontiguousarray(part).tobytes())
            return {_ARRAY: part.dtype.name, "shape": list(part.shape)}
        if isinstance(part, dict):
            return {str(name): plain(item) for name, item in part.items()}
        return [plain(item) for item in part] if isinstance(part, list | tuple) else part

    line = json.dumps(plain(value)).encode()
    return _SEPARATOR.join([line, b"".join(arrays)])


def decode(message: bytes) -> Any:
    """What was encoded. Arrays are read-only views of the message."""
    line, _, rest = message.partition(_SEPARATOR)
    place = 0

    def full(part: Any) -> Any:
        nonlocal place
        if isinstance(part, dict) and _ARRAY in part:
            dtype, shape = _dtype(part[_ARRAY]), tuple(part["shape"])
            size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            array = np.frombuffer(rest, dtype, count=size // dtype.itemsize, offset=place).reshape(shape)
            place += size
            return array
        if isinstance(part, dict):
            return {name: full(item) for name, item in part.items()}
        return [full(item) for item in part] if isinstance(part, list) else part

    return full(json.loads(line))


def _dtype(name: str) -> np.dtype[Any]:
    if name != "bfloat16":
        return np.dtype(name)
    # numpy has none of its own; this one is JAX's and TensorFlow's.
    import ml_dtypes

    found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return found
