"""Arithmetic with constants, turned back: which values go in, so that those asked for come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from anatomy.bench.workload.input_values import RANGES, InputValues
from anatomy.bench.workload.value_source import Array, Source, Step

# Ranges of the elements of one tensor that are told apart.
_MOST_RANGES = 1000
# Whatever is divided for its remainder may be this often the divisor.
WIDE = 100
_NONE = np.asarray(0.0)
Constant = Callable[[Any], Array | None]


def steps(name: str, operation: Any, given: Mapping[str, Any], constant: Constant) -> list[tuple[Any, Step]]:
    """The operands whose values go through an operation, each with the step; none where that is not certain.

    Args:
        given: the operands by name.
        constant: the value of an operand that is a constant, else `None`.
    """
    if name in _UNARY:
        return [(given.get("x"), Step(_UNARY[name], _NONE))]
    if name == "Clip":
        return _clipped(operation, given)
    if name == "Where":
        return [(given.get(branch), Step(_unchanged, _NONE, shifts=True)) for branch in ("x1", "x2")]
    if name not in _BINARY:
        return []
    left, right = given.get("x1"), given.get("x2")
    on_right, on_left = _BINARY[name]
    return [
        (operand, Step(before, _small(value), name in ("Add", "Subtract"), _factor(name, value)))
        for operand, other, before in ((left, right, on_right), (right, left, on_left))
        if before is not None and (value := constant(other)) is not None and _allows(name, value)
    ]


def sum_steps(left: Sequence[Source], right: Sequence[Source]) -> tuple[Step, Step]:
    """The steps of two operands that are added, such as two fields that are crossed into one id.

    Where one of them counts in twelves, the other fills up to twelve; else each has half of what is asked for.
    """
    units = [min(abs(source.unit()) for source in sources) for sources in (left, right)]
    largest = np.asarray(max(units))
    if largest < 2:
        return Step(_halved, _NONE), Step(_halved, _NONE)
    steps = Step(_all_but_rest, largest), Step(_rest, largest)
    return steps if units[0] >= units[1] else steps[::-1]


def asked_before(values: InputValues, source: Source, dtype: str) -> Iterator[tuple[Array, InputValues]]:
    """What is asked of the elements that a tensor holds, from what is asked of the tensor: places, and values.

    Args:
        dtype: of the input.
    """
    real = source.real()
    only_shifts = all(step.shifts for step in source.steps)
    # A shift before a scale, as of a mean, leaves values on that scale.
    if not source.steps or values.kind not in (*RANGES, "uniform") or (values.kind == "uniform" and only_shifts):
        yield real, values
        return
    low, high = source.range_before(values.low, values.high)
    keeps_zero = values.padded and all(np.all((a <= 0) & (b >= 0)) for a, b in [source.range_before(0, 0)])
    values = replace(values, padded=bool(keeps_zero), rows=0)
    if not (low.ndim or high.ndim):
        yield real, _values_before(values, float(low), float(high), dtype)
        return
    low, high = np.broadcast_to(low, real.shape), np.broadcast_to(high, real.shape)
    pairs = np.unique(np.stack([low[real], high[real]]), axis=1).T
    if len(pairs) > _MOST_RANGES:
        yield real, _values_before(values, float(low[real].max()), float(high[real].min()), dtype)
        return
    for pair in pairs:
        yield real & (low == pair[0]) & (high == pair[1]), _values_before(values, float(pair[0]), float(pair[1]), dtype)


def normal_before(mean: Any, deviation: Any, source: Source) -> tuple[Array, Array]:
    """Mean and deviation of the elements, from those of the tensor: arrays of the tensor's shape."""
    shape = source.places.shape
    low, high = source.range_before(
        np.broadcast_to(mean, shape) - deviation, np.broadcast_to(mean, shape) + np.asarray(deviation)
    )
    return (low + high) / 2, (high - low) / 2


def _values_before(values: InputValues, low: float, high: float, dtype: str) -> InputValues:
    if values.kind == "uniform":
        return _renamed(replace(values, low=low, high=high))
    least, largest = np.ceil(low - 1e-6), np.floor(high + 1e-6)
    asked = values.high - values.low + 1
    if dtype.startswith("float") and 2 * (largest - least + 1) < asked:
        return _renamed(replace(values, kind="uniform", low=low, high=high, padded=False))
    # Ids are no negative numbers, where others do; and zero has no sign.
    least = (max(least, 0.0) if largest > 0 else least) + 0.0
    if dtype.startswith(("int", "uint")):
        least, largest = max(least, float(np.iinfo(dtype).min)), min(largest, float(np.iinfo(dtype).max))
    largest = max(least, largest) + 0.0
    kind = "integers" if largest - least + 1 > asked else values.kind
    return _renamed(replace(values, kind=kind, low=float(least), high=float(largest)))


def _renamed(values: InputValues) -> InputValues:
    low, high = values.range() or (values.low, values.high)
    return replace(values, why=f"{values.why}, after arithmetic on {low:g} to {high:g}")


def _factor(name: str, value: Array) -> float:
    return float(np.min(np.abs(value))) if name == "Multiply" else 1.0


def _small(value: Array) -> Array:
    """A constant that is the same everywhere, as a scalar."""
    value = np.asarray(value, float)
    return value.ravel()[0] * np.ones(()) if value.size and (value == value.ravel()[0]).all() else value


def _allows(name: str, value: Array) -> bool:
    """Whether an operation with this constant can be turned back."""
    if name in ("Multiply", "Divide", "TrueDivide"):
        return bool(np.all(value != 0))
    return bool(np.all(value > 0)) if name in ("FloorDivide", "Mod") else bool(np.isfinite(value).all())


def _clipped(operation: Any, given: Mapping[str, Any]) -> list[tuple[Any, Step]]:
    bounds = [np.asarray(edge, float) for edge in (operation.x_min, operation.x_max) if np.ndim(edge) == 0]
    if len(bounds) < 2 or np.isnan(bounds).any():
        return []
    least, largest = bounds

    def before(_: Array, low: Array, high: Array) -> tuple[Array, Array]:
        return _at_most(largest, *_at_least(least, low, high))

    return [(given.get("x"), Step(before, _NONE))]


def _unchanged(_: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low, high


def _added(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low - constant, high - constant


def _subtracted(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low + constant, high + constant


def _subtracted_from(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return constant - high, constant - low


def _multiplied(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return np.minimum(low / constant, high / constant), np.maximum(low / constant, high / constant)


def _divided(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return _multiplied(1 / constant, low, high)


def _floor_divided(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low * constant, high * constant + constant - 1


def _remainder(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Any value, where all remainders are asked for; else those that are."""
    every = (low <= 0) & (high >= constant - 1)
    return np.where(every, 0, np.maximum(low, 0)), np.where(every, WIDE * constant - 1, high)


def _at_least(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """The values that go through unchanged, if there are any."""
    return np.where(constant <= high, np.maximum(low, constant), low), high


def _at_most(constant: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low, np.where(constant >= low, np.minimum(high, constant), high)


def _halved(_: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low / 2, high / 2


def _all_but_rest(unit: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return low, np.maximum(low, high - (unit - 1))


def _rest(unit: Array, _: Array, high: Array) -> tuple[Array, Array]:
    return np.zeros_like(high), np.minimum(high, unit - 1)


def _negated(_: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return -high, -low


def _absolute(_: Array, low: Array, high: Array) -> tuple[Array, Array]:
    return np.maximum(low, 0), high


Before = Callable[[Array, Array, Array], tuple[Array, Array]]
_UNARY: dict[str, Before] = {"Abs": _absolute, "Absolute": _absolute, "Negative": _negated}
# Operation → how it is turned back with the constant on its right, and on its left.
_BINARY: dict[str, tuple[Before | None, Before | None]] = {
    "Add": (_added, _added),
    "Subtract": (_subtracted, _subtracted_from),
    "Multiply": (_multiplied, _multiplied),
    "Divide": (_divided, None),
    "TrueDivide": (_divided, None),
    "FloorDivide": (_floor_divided, None),
    "Mod": (_remainder, None),
    "Maximum": (_at_least, _at_least),
    "Minimum": (_at_most, _at_most),
}
