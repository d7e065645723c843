"""Follow a figure along the batch size, by doublings, until it grows no further. Knows neither memory nor processes."""

from __future__ import annotations

from collections.abc import Generator

# A doubled batch is worth it if the figure grows by this share: less is within what a short measurement can tell.
GAIN = 0.05

Climb = Generator[int, float | None, int | None]


def climb(start: int, least: int, most: int) -> Climb:
    """Yield each batch size to try, be sent its figure (`None`: it does not do), and return the best; `None` if none.

    Upwards from `start` while the figure grows; where it does not, downwards while that makes it grow, or until a size
    does that is small enough for a limit.

    Args:
        start: the first size.
        least: no smaller size is of use.
        most: no larger size is tried.
    """
    first = yield start
    best = (start, first) if first is not None else None
    if best is not None:
        best = yield from _walk(best, 2.0, least, most)
    if best is not None and best[0] > start:
        return best[0]
    size = start
    while best is None and size // 2 >= least:
        # Too much at the start: the first smaller size that does.
        size //= 2
        figure = yield size
        best = (size, figure) if figure is not None else None
    if best is None:
        return None
    best = yield from _walk(best, 0.5, least, most)
    return best[0]


def _walk(
    best: tuple[int, float], factor: float, least: int, most: int
) -> Generator[int, float | None, tuple[int, float]]:
    """Go on in one direction while each step gains."""
    while least <= (size := int(best[0] * factor)) <= most and size >= 1:
        figure = yield size
        if figure is None or figure < best[1] * (1 + GAIN):
            break
        best = (size, figure)
    return best
