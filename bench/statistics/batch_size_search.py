"""The largest batch size that fits: by doubling, then by bisection. Knows neither of memory nor of processes."""

from __future__ import annotations

from collections.abc import Callable, Generator

# Between two batch sizes nearer than this share of the smaller one, none is tried.
RESOLUTION = 1 / 16

Search = Generator[int, bool, int | None]


def search(limit: int, resolution: float = 0.0, step: int = 1) -> Search:
    """A search that yields each size to be tried, is sent whether it fits, and returns the largest that does.

    Doubling from `step` finds a size that fits and its double that does not; bisection halves what lies between them,
    in multiples of `step`, until it is no wider than `resolution` × the size that fits, or than `step`. At the
    smallest size that does not fit there is nothing to halve, and the answer is null.

    Fitting must be monotone for the answer to be the largest; whatever it is, a size that is returned was tried and
    did fit.

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
    """The second half of a search: what lies between a size that fits and one that does not is halved.

    Args:
        fits: the answer where no larger one does; a multiple of `step`, as `too_large` is.
    """
    low, high = fits // step, too_large // step
    while high - low > max(1, int(resolution * low)):
        middle = (low + high) // 2
        if (yield middle * step):
            low = middle
        else:
            high = middle
    return low * step


def largest(fits: Callable[[int], bool], limit: int, resolution: float = 0.0, step: int = 1) -> int | None:
    """The answer of a search whose every question `fits` answers; null where the smallest does not fit."""
    running = search(limit, resolution, step)
    try:
        size = next(running)
        while True:
            size = running.send(fits(size))
    except StopIteration as done:
        answer: int | None = done.value
        return answer
