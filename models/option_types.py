"""Types of the builders' options.

A builder annotates its parameters with these types, and `Architecture.complete` checks values against them. Mistakes
are found when the model is named, not while its graph is built.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field


def _as_int(value: Any) -> Any:
    """Convert NumPy's integers to Python's; a bool stays one, which pydantic refuses."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return value
    return operator.index(value)


def _as_sequence(value: Any) -> Any:
    """Convert arrays to lists, and a single width, as in `hidden=64`, to a list of one."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return [value] if isinstance(value, int) else value


def _channels_last(sides: Sequence[int]) -> list[int]:
    shape = list(sides)
    if len(shape) != 3:
        raise ValueError(f"expected height x width x channels, such as 224x224x3, got {shape_text(shape)}")
    height, width, channels = shape
    # Keras would accept a channels-first shape silently, and build other parameter counts.
    if height in (1, 3) and width > height and channels > 4:
        raise ValueError(
            f"expected height x width x channels (channels last), got {shape_text(shape)}; "
            f"did you mean {width}x{channels}x{height}?"
        )
    return shape


def at_least(smallest: int) -> AfterValidator:
    """Return a check that height and width of an image shape are at least `smallest` pixels."""

    def check(shape: list[int]) -> list[int]:
        if min(shape[:2]) < smallest:
            raise ValueError(
                f"{shape_text(shape)} is too small for its poolings; the smallest is "
                f"{shape_text([max(side, smallest) for side in shape[:2]] + shape[2:])}"
            )
        return shape

    return AfterValidator(check)


def one_of_depths(valid: Callable[[int], bool], expected: str) -> AfterValidator:
    """Return a check that a depth satisfies `valid`; its error names the nearest depths that do."""

    def check(depth: int) -> int:
        if not valid(depth):
            below = next((d for d in range(depth - 1, 0, -1) if valid(d)), None)
            above = next(d for d in range(depth + 1, depth + 100) if valid(d))
            nearest = above if below is None else f"{below} or {above}"
            raise ValueError(f"expected {expected}; the nearest is {nearest}")
        return depth

    return AfterValidator(check)


def shape_text(shape: Sequence[int | None]) -> str:
    """Return `64x64x3`: a shape as on the command line."""
    return "x".join(map(str, shape))


Count = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_as_int)]
"""A whole number of at least 1."""

Rate = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A dropout rate: the fraction that is dropped, from 0 to below 1."""

Widths = Annotated[Sequence[Count], AfterValidator(list), BeforeValidator(_as_sequence)]
"""Number of units of each layer, in order."""

ImageShape = Annotated[
    Sequence[Count],
    AfterValidator(_channels_last),
    BeforeValidator(_as_sequence),
]
"""An image shape: height, width, channels."""
