"""Which values an input takes, and why: a range of integers, a scale of floats, a mask, or strings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["ids", "integers", "normal", "uniform", "mask", "strings", "members", "one_hot", "parts"]
RANGES = ("ids", "integers")


@dataclass(frozen=True)
class InputValues:
    """The values of one input.

    Attributes:
        kind: `integers` and `uniform` from `low` to `high`, both included; `ids` of a table's rows from `low` to
            `high`, by Zipf's law; `normal` with `mean` and `deviation`, arrays that broadcast to an example; `mask` of
            ones and zeros; `strings` and `members` drawn from `choices`; `one_hot` rows of a class along the last
            axis; `parts`, each with values of its own.
        padded: whether rows end in zeros, which stand for nothing.
        rows: of the embedding that looks the values up as they are; 0 where none does.
        words: number of choices in each string.
        why: what in the model asks for them.
        parts: all elements of an example, by what is drawn for them.
    """

    kind: Kind
    why: str
    low: float = 0.0
    high: float = 1.0
    mean: Any = 0.0
    deviation: Any = 1.0
    choices: Sequence[Any] = field(default=(), repr=False)
    words: int = 1
    padded: bool = False
    rows: int = 0
    parts: tuple[InputPart, ...] = ()

    def is_range(self) -> bool:
        """Whether these are integers of a range."""
        return self.kind in RANGES

    def range(self) -> tuple[float, float] | None:
        """Least and largest value, of the parts that have them; `None` where there is none."""
        if self.kind == "parts":
            found = [bounds for part in self.parts if (bounds := part.values.range()) is not None]
            return (min(low for low, _ in found), max(high for _, high in found)) if found else None
        if self.kind in (*RANGES, "uniform"):
            return 0.0 if self.padded else self.low, self.high
        return (0.0, 1.0) if self.kind in ("mask", "one_hot") else None


@dataclass(frozen=True)
class InputPart:
    """Elements of an input with values of their own.

    Attributes:
        places: numbers of the elements in an example, in order.
        shape: they are drawn in this shape, and put in their places in order.
    """

    places: np.ndarray[Any, Any] = field(repr=False)
    shape: tuple[int, ...]
    values: InputValues


# What is asked of each of several tensors.
Asked = list[tuple[Any, InputValues]]


def table_ids(size: int, what: str, low: int = 0, padded: bool = False) -> InputValues:
    """Ids of a table's rows."""
    return InputValues("ids", what, low=low, high=max(low, size - 1), padded=padded)


def integers_below(size: int, what: str, low: int = 0) -> InputValues:
    """Integers from `low` to one below `size`."""
    return InputValues("integers", what, low=low, high=max(low, size - 1))


def narrowest(found: Sequence[InputValues]) -> InputValues:
    """Of what several uses of an input ask for: the first that is no range of integers, else what all ranges share.

    Where they share nothing, as the branches of a choice may, the range with the largest value counts.
    """
    others = [values for values in found if values.kind not in RANGES]
    if others:
        return others[0]
    low, high = max(found, key=lambda values: values.low), min(found, key=lambda values: values.high)
    if low.low > high.high:
        return max(found, key=lambda values: values.high)
    reasons = dict.fromkeys([high.why, low.why] if low.low > 0 else [high.why])
    kind: Kind = "ids" if any(values.kind == "ids" for values in found) else "integers"
    padded = any(values.padded for values in found)
    return InputValues(kind, " and ".join(reasons), low=low.low, high=high.high, padded=padded)
