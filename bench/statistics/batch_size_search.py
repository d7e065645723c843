"""Search for the largest batch size that fits: doubling, then bisection. Knows neither memory nor processes."""

from __future__ import annotations

from collections.abc import Generator

# No batch size is tried between two that differ by less than this share of the smaller one.
RESOLUTION = 1 / 16

Search = Generator[int, bool, int | None]


def search(limit: int, resolution: float = 0.0, step: int = 1) -> Search:
    """Yield each size to try, be sent whether it fits, and return the largest that does; `None` if none fits.

    Doubling from `step` finds a size that fits and its double that does not. Bisection then halves the gap, in
    multiples of `step`, until it is no wider than `resolution` × the size that fits, or than `step`.

    A returned size was tried and did fit. It is the largest only if fitting is monotone.

    Args:
        limit: no size above it is tried.
        resolution: relative; 0 finds the size exactly.
        step: sizes are multiples of it, as several devices need.
    """
    fits, too_large = 0, limit // step + 1
    candidate = 1
    while candidate < too_large:
        if (yield candidate * step):
            fits, candidate = candidate, 2 * candidate
        else:
            too_large = candidate
    if not fits:
        return None
    return (yield from between(fits * step, too_large * step, resolution, step))


def between(fits: int, too_large: int, resolution: float = 0.0, step: int = 1) -> Generator[int, bool, int]:
    """The second half of a search: halve the gap between a size that fits and one that does not.

    Args:
        fits: the answer if no larger size fits; a multiple of `step`.
        too_large: a multiple of `step`.
        resolution: as in `search`.
        step: as in `search`.
    """
    low, high = fits // step, too_large // step
    while high - low > max(1, int(resolution * low)):
        middle = (low + high) // 2
        if (yield middle * step):
            low = middle
        else:
            high = middle
    return low * step
