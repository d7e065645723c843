"""Which values operations take: an index into rows, a class, the bytes of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from anatomy.bench.workload.input_values import Asked, InputValues, table_ids
from anatomy.bench.workload.loss_uses import LOSSES
from anatomy.bench.workload.value_moves import constant

# Divisors and centres of images with values from 0 to 255.
_BYTE_SCALES = (127.5, 128.0, 255.0, 256.0)
_BYTE_CENTRES = (127.5, 128.0)


def asked_by_operation(operation: Any, operands: Mapping[str, Any]) -> Asked:
    """What an operation asks of its operands."""
    ask = _OPERATIONS.get(type(operation).__name__)
    return ask(operation, operands) if ask is not None else []


def _of_take(operation: Any, operands: Mapping[str, Any]) -> Asked:
    table, indices = operands.get("x"), operands.get("indices")
    shape = tuple(getattr(table, "shape", (None,)))
    size = math.prod(shape) if operation.axis is None and None not in shape else shape[operation.axis or 0]
    return [(indices, table_ids(size, f"index into {size} rows"))] if size else []


def _of_get_item(_: Any, operands: Mapping[str, Any]) -> Asked:
    table, key = operands.get("x"), operands.get("key")
    parts = key if isinstance(key, tuple) else (key,)
    shape = getattr(table, "shape", ())
    return [
        (part, table_ids(size, f"index into {size} rows"))
        for part, size in zip(parts, shape, strict=False)
        if isinstance(part, keras.KerasTensor) and size
    ]


def _of_one_hot(operation: Any, operands: Mapping[str, Any]) -> Asked:
    return [(operands.get("x"), table_ids(operation.num_classes, f"one-hot of {operation.num_classes}"))]


def _of_product(_: Any, operands: Mapping[str, Any]) -> Asked:
    """`x / 255` and `x * (1 / 255)`: images of bytes."""
    left, right = operands.get("x1"), operands.get("x2")
    return _bytes_if(left, right, _is_byte_divisor) if _number(right) is not None else []


def _of_multiply(_: Any, operands: Mapping[str, Any]) -> Asked:
    left, right = operands.get("x1"), operands.get("x2")
    tensor, factor = (left, right) if _number(right) is not None else (right, left)
    return _bytes_if(tensor, factor, lambda value: value != 0 and _is_byte_divisor(1 / value))


def _of_subtract(_: Any, operands: Mapping[str, Any]) -> Asked:
    return _bytes_if(operands.get("x1"), operands.get("x2"), lambda value: value in _BYTE_CENTRES)


def _bytes_if(tensor: Any, number: Any, fits: Callable[[float], bool]) -> Asked:
    value = _number(number)
    if value is None or not fits(value):
        return []
    return [(tensor, InputValues("uniform", f"arithmetic with {value:.4g}, the scale of bytes", high=255.0))]


def _is_byte_divisor(value: float) -> bool:
    return any(abs(value / scale - 1) < 1e-3 for scale in _BYTE_SCALES)


def _number(value: Any) -> float | None:
    """A constant: a number, or an array of one."""
    array = constant(value)
    return float(array.ravel()[0]) if array is not None and array.size == 1 else None


_OPERATIONS: dict[str, Callable[[Any, Mapping[str, Any]], Asked]] = {
    "Take": _of_take,
    "TakeAlongAxis": _of_take,
    "GetItem": _of_get_item,
    "OneHot": _of_one_hot,
    "Divide": _of_product,
    "TrueDivide": _of_product,
    "Multiply": _of_multiply,
    "Subtract": _of_subtract,
    **LOSSES,
}
