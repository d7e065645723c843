"""Where the values of a tensor come from: numbered elements of the inputs, and the arithmetic since.

A tensor that is made of inputs by moving their elements holds their numbers in its places. A range that is asked of the
tensor is turned back, step by step, into the range of the elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Stands where a tensor holds no element of an input.
NOWHERE = -1


@dataclass(frozen=True)
class Step:
    """One arithmetic operation with a constant.

    Attributes:
        before: constant, least and largest value after the operation → least and largest value before it.
        constant: a scalar, or an array of the tensor's shape.
        shifts: whether the operation only adds.
        factor: what whole numbers are multiplied by.
    """

    before: Callable[[Array, Array, Array], tuple[Array, Array]]
    constant: Array
    shifts: bool = False
    factor: float = 1.0


@dataclass(frozen=True)
class Source:
    """Elements of inputs that a tensor holds.

    Attributes:
        places: the number of the element in each place of the tensor, or `NOWHERE`.
        steps: the arithmetic from the elements to the tensor, in order.
        exact: whether `places` has the tensor's shape. Else any of these elements may be in any place.
    """

    places: Array
    steps: tuple[Step, ...] = ()
    exact: bool = True

    def real(self) -> Array:
        """Where there is an element."""
        return np.asarray(self.places > NOWHERE)

    def unit(self) -> float:
        """The distance of neighbouring values, where those of the elements are 1 apart."""
        return math.prod(step.factor for step in self.steps)

    def scattered(self) -> Source | None:
        """The same elements in unknown places; `None` where the arithmetic differs from place to place."""
        if any(step.constant.ndim for step in self.steps):
            return None
        return Source(self.places[self.real()], self.steps, exact=False)

    def after(self, step: Step, shape: tuple[int, ...]) -> Source | None:
        """What a tensor of this shape holds that an operation makes of the one that holds this."""
        if not self.exact:
            return replace(self, steps=(*self.steps, step)) if step.constant.ndim == 0 else None

        def spread(array: Array) -> Array:
            return np.broadcast_to(array, shape)

        steps = (*self.steps, step)
        return Source(spread(self.places), tuple(_moved_step(each, spread) for each in steps))

    def moved(self, move: Callable[[Array, int], Sequence[Array]], count: int) -> list[Source]:
        """What the `count` results of an operation hold that moves elements.

        Args:
            move: array of the tensor's shape, and what stands in the other operands → array of each result.
        """
        places = move(self.places, NOWHERE)
        moved = [move(step.constant, 1) if step.constant.ndim else [step.constant] * count for step in self.steps]
        return [
            Source(part, tuple(replace(step, constant=at[k]) for step, at in zip(self.steps, moved, strict=True)))
            for k, part in enumerate(places)
        ]

    def range_before(self, low: Any, high: Any) -> tuple[Array, Array]:
        """The range of the elements from that of the tensor: scalars, or arrays of the tensor's shape."""
        least, largest = np.asarray(low, float), np.asarray(high, float)
        for step in reversed(self.steps):
            least, largest = step.before(step.constant, least, largest)
        return least, largest


def merged(sources: Sequence[Source]) -> tuple[Source, ...]:
    """As few sources as say the same: those without arithmetic whose places do not meet become one."""
    kept: list[Source] = []
    for source in sources:
        if not source.real().any():
            continue
        twin = next((k for k, other in enumerate(kept) if _fit_together(source, other)), None)
        if twin is None:
            kept.append(source)
        else:
            kept[twin] = _together(kept[twin], source)
    return tuple(kept)


def _fit_together(one: Source, other: Source) -> bool:
    if one.steps or other.steps or one.exact != other.exact:
        return False
    return not one.exact or not (one.real() & other.real()).any()


def _together(one: Source, other: Source) -> Source:
    if one.exact:
        return Source(np.maximum(one.places, other.places))
    return Source(np.unique(np.concatenate([one.places, other.places])), exact=False)


def _moved_step(step: Step, move: Callable[[Array], Array]) -> Step:
    return replace(step, constant=move(step.constant)) if step.constant.ndim else step
