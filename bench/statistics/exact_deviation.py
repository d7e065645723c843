"""The standard deviation of a few values: that of `statistics.stdev`, to the last bit, in a fraction of its time."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Bits of the root before it is rounded: two more than a product of two floats has.
_BITS = 109


def standard_deviation(values: Sequence[float]) -> float:
    """Sample standard deviation, rounded once: sums are exact, in whole multiples of the finest value's last bit.

    Raises:
        ZeroDivisionError: fewer than two values.
        OverflowError, ValueError: a value is not finite.
    """
    ratios = [value.as_integer_ratio() for value in map(float, values)]
    finest = max(denominator for _, denominator in ratios)
    # Denominators are powers of two.
    whole = [numerator * (finest // denominator) for numerator, denominator in ratios]
    n = len(whole)
    squares = n * sum(value * value for value in whole) - sum(whole) ** 2
    return _root(squares, n * (n - 1) * finest * finest)


def _root(numerator: int, denominator: int) -> float:
    """The square root of a fraction, correctly rounded: of its whole part's root, with a bit for what is behind."""
    if not numerator:
        return float(numerator // denominator)
    shift = (numerator.bit_length() - denominator.bit_length() - _BITS) // 2
    if shift >= 0:
        return float(_odd_root(numerator, denominator << 2 * shift) << shift)
    return _odd_root(numerator << -2 * shift, denominator) / (1 << -shift)


def _odd_root(numerator: int, denominator: int) -> int:
    root = math.isqrt(numerator // denominator)
    return root | (root * root * denominator != numerator)
