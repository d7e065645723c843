"""Encode and decode messages between processes: a line of JSON followed by the bytes of its arrays, never pickle.

A message is a tree of lists, dictionaries, numbers, strings and arrays.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_ARRAY = "array of"
_SEPARATOR = b"\n"


def encode(value: Any) -> bytes:
    """The message as bytes. Tuples become lists.

    Raises:
        TypeError: the tree contains a value of another type.
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
    """The tree that `encode` was given. Arrays are read-only views of the message."""
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
    # numpy itself lacks bfloat16; this is the type that JAX and TensorFlow use.
    import ml_dtypes

    found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return found
