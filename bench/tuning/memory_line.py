"""The memory of a batch size from that of smaller ones: a line in the batch size, since activations are."""

from __future__ import annotations

from collections.abc import Mapping

# Allocators round up, and keep what they freed: a forecast within this of the limit is tried all the same.
MARGIN = 0.10


def forecast(measured: Mapping[int, int], batch_size: int) -> int | None:
    """Bytes that a batch size will take, by the line through the two nearest sizes that were measured.

    Args:
        measured: batch size → bytes.
        batch_size: of which the bytes are wanted.

    Returns:
        `None` below two measured sizes. Never less than what a smaller measured size took.
    """
    nearest = sorted(measured, key=lambda size: (abs(size - batch_size), size))[:2]
    if len(nearest) < 2:
        return None
    low, high = sorted(nearest)
    slope = (measured[high] - measured[low]) / (high - low)
    line = measured[low] + slope * (batch_size - low)
    floor = max((taken for size, taken in measured.items() if size <= batch_size), default=0)
    return int(max(line, floor))


def surely_too_much(measured: Mapping[int, int], batch_size: int, limit: int | None) -> bool:
    """Whether a batch size will not fit, so that it need not be tried."""
    expected = forecast(measured, batch_size)
    return limit is not None and expected is not None and expected > limit * (1 + MARGIN)
