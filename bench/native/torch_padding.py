"""Keras's padding `same` in PyTorch: symmetric where it can be, else before the layer."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.native.model_graph import Shape

Margins = list[tuple[int, int]]


def same_margins(lengths: Shape, windows: Sequence[int], strides: Sequence[int]) -> Margins | None:
    """The margins of each dimension; `None` where a length is open and the margins depend on it."""
    margins = []
    for length, window, stride in zip(lengths, windows, strides, strict=True):
        if length is None and stride > 1:
            return None
        total = window - 1 if length is None else max((-(-length // stride) - 1) * stride + window - length, 0)
        margins.append((total // 2, total - total // 2))
    return margins


def is_symmetric(margins: Margins) -> bool:
    """Whether a layer's own argument `padding` can say it."""
    return all(before == after for before, after in margins)


def windows_fit(lengths: Shape, windows: Sequence[int], strides: Sequence[int], margins: Margins) -> bool:
    """Whether a pooling with `ceil_mode` and the margins before has the windows that these margins give."""
    for length, window, stride, (before, after) in zip(lengths, windows, strides, margins, strict=True):
        if length is None or before > window // 2:
            return False
        wanted = (length + before + after - window) // stride + 1
        found = -(-(length + 2 * before - window) // stride) + 1
        if (found - 1) * stride >= length + before:
            found -= 1
        if found != wanted:
            return False
    return True
