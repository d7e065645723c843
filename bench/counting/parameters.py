"""Numbers of parameters: elements of weights, however they are stored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from anatomy.bench.counting.shapes import size

# Modes that store two 4-bit elements in a byte; their scales and zero points are weights of their own.
_PACKING = ("int4", "gptq", "awq")
_PACKED = ("kernel", "embeddings", "reverse_embeddings")


def element_count(weights: Iterable[Any], packed: Mapping[int, int] | None = None) -> int:
    """Elements of Keras variables, each variable once.

    Args:
        packed: elements of those that are stored in fewer bytes, by `id`; see `packed_elements`.
    """
    unique = {id(weight): weight for weight in weights}
    known = packed or {}
    return sum(known.get(number, size(weight.shape) or 0) for number, weight in unique.items())


def packed_elements(layer: Any) -> dict[int, int]:
    """Elements of the kernels and tables within a layer or model that two share a byte of, by `id`."""
    inner = layer._flatten_layers() if hasattr(layer, "_flatten_layers") else ()
    return {
        id(weight): elements
        for one in inner
        if getattr(one, "quantization_mode", None) in _PACKING and (elements := _elements(one)) is not None
        for weight in one._trainable_variables + one._non_trainable_variables
        if weight.name in _PACKED and weight.dtype in ("int8", "uint8")
    }


def _elements(layer: Any) -> int | None:
    """Elements of a layer's kernel or table before it was packed; `None` for a layer whose packing is not known."""
    shape = getattr(layer, "original_kernel_shape", None) or getattr(layer, "kernel_shape", None)
    if shape is not None:
        return int(math.prod(shape))
    for rows, columns in (("input_dim", "output_dim"), ("_orig_input_dim", "_orig_output_dim")):
        if hasattr(layer, rows) and hasattr(layer, columns):
            return int(getattr(layer, rows) * getattr(layer, columns))
    return None
