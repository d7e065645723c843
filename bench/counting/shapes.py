"""Sizes of shapes and dtypes; an unknown length makes a size unknown (`None`), never 0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

Shape = Sequence[int | None]


def size(shape: Iterable[int | None]) -> int | None:
    """Number of elements; `None` if a length is unknown."""
    product = 1
    for length in shape:
        if length is None:
            return None
        product *= length
    return product


def times(*factors: int | None) -> int | None:
    """Product of sizes; `None` if one of them is unknown."""
    return size(factors)


def plus(*terms: int | None) -> int | None:
    """Sum of sizes; `None` if one of them is unknown."""
    known = [term for term in terms if term is not None]
    return sum(known) if len(known) == len(terms) else None


def spatial(shape: Shape, data_format: str) -> Shape:
    """The spatial axes of a batch-first feature map."""
    return shape[2:] if data_format == "channels_first" else shape[1:-1]


def channels(shape: Shape, data_format: str) -> int | None:
    """The channel axis of a batch-first feature map."""
    return shape[1] if data_format == "channels_first" else shape[-1]


def item_bytes(dtype: str) -> int:
    """Bytes of one element of a Keras dtype: its bits rounded up to bytes, 1 for `bool`.

    Raises:
        ValueError: for a dtype without a fixed size (`string`).
    """
    if dtype == "bool":
        return 1
    bits = re.match(r"[a-z]+(\d+)", dtype)
    if bits is None:
        raise ValueError(f"dtype {dtype!r} has no fixed size; expected one like float32, int64 or bool")
    return -(-int(bits.group(1)) // 8)


def dtype_bytes(dtype: str) -> int | None:
    """Bytes of one element of a Keras dtype; `None` for one without a fixed size (`string`)."""
    try:
        return item_bytes(dtype)
    except ValueError:
        return None


def stored_dtype(variable: Any) -> str:
    """The dtype of a Keras variable; within a layer's call, `dtype` is the one that it is read in."""
    return str(getattr(variable, "_dtype", variable.dtype))


def variable_bytes(variable: Any) -> int:
    """Bytes of a Keras variable, by its shape and dtype."""
    return (size(variable.shape) or 0) * item_bytes(stored_dtype(variable))


def without_batch(structure: Any) -> Any:
    """Shapes of a structure of tensors as lists without the batch axis; one tensor gives one list."""
    if hasattr(structure, "shape"):
        return list(structure.shape[1:])
    if isinstance(structure, dict):
        return {name: without_batch(value) for name, value in structure.items()}
    return [without_batch(value) for value in structure]
