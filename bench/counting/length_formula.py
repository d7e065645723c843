"""The MACs of a model as a formula of its open length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from anatomy.bench.counting.model_counts import ModelCounts

# Of each set, three lengths determine the polynomial, and it must hold at the others: they leave all remainders by 2,
# 3 and 4, so that a stride or a pool is no polynomial of them. Images are halved several times, tables are short.
LENGTHS = ((65, 97, 130, 151, 163, 188), (17, 22, 24, 27, 31, 33), (5, 6, 9, 10, 11, 12), (2, 3, 4, 5, 6, 7))
DEGREE = 2

Polynomial = tuple[Fraction, ...]


def macs_formula(count: Callable[[int], ModelCounts]) -> str:
    """The MACs as a polynomial of n, where every open length is n: `108·n² − 432·n + 456`.

    Empty where they are none of degree 2 or less, or where something is uncounted for another reason.

    Args:
        count: counts the model with a length for all that are open.
    """
    for lengths in LENGTHS:
        try:
            counts = [count(length) for length in lengths]
        except Exception:  # noqa: BLE001  # on shapes, a user's model may raise anything
            continue
        if any(one.uncounted for one in counts):
            continue
        macs = [one.macs for one in counts]
        found = _through(lengths[: DEGREE + 1], macs[: DEGREE + 1])
        return _text(found) if [_value(found, length) for length in lengths] == macs else ""
    return ""


def _through(lengths: Sequence[int], values: Sequence[int]) -> Polynomial:
    """The coefficients, from the constant up, of the polynomial through three points (Newton's divided differences)."""
    (x0, x1, x2), (y0, y1, y2) = lengths, values
    first, second = Fraction(y1 - y0, x1 - x0), Fraction(y2 - y1, x2 - x1)
    bend = (second - first) / (x2 - x0)
    return y0 - first * x0 + bend * x0 * x1, first - bend * (x0 + x1), bend


def _value(polynomial: Polynomial, length: int) -> Fraction:
    return sum((factor * length**power for power, factor in enumerate(polynomial)), Fraction())


def _text(polynomial: Polynomial) -> str:
    powers = {2: "n²", 1: "n", 0: ""}
    terms = [(polynomial[power], powers[power]) for power in powers if polynomial[power]]
    text = ""
    for factor, power in terms:
        sign = ("−" if factor < 0 else "") if not text else (" − " if factor < 0 else " + ")
        size = abs(factor)
        number = f"{size.numerator:,}" if size.denominator == 1 else f"{size.numerator:,}/{size.denominator:,}"
        text += sign + "·".join(filter(None, ["" if size == 1 and power else number, power]))
    return text or "0"
