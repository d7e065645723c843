"""How often the statistics are right, on series whose truth is known: `python -m tests.bench.statistics.simulate`.

Prints the tables of docs/statistics.md. Seeds are fixed; the last digit may differ between versions of numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from anatomy.bench.statistics.interval import Interval, between_blocks, between_processes, median_interval
from anatomy.bench.statistics.steady import classify, has_settled

SERIES = 1000
NOISE = 0.05
LENGTHS = (12, 24, 50, 100, 300, 1000)
# Name → factor as a function of time (0 to 1), and the class it should get.
COURSES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "level": (np.ones_like, "settled"),
    "second half 10 % slower": (lambda at: np.where(at >= 0.5, 1.1, 1.0), "slowing"),
    "second half 20 % slower": (lambda at: np.where(at >= 0.5, 1.2, 1.0), "slowing"),
    "falls by 20 %, a line": (lambda at: 1 - 0.2 * at, "drifting"),
    "falls by a third, exp(−6 t)": (lambda at: 1 + 0.5 * np.exp(-6 * at), "drifting"),
}


def step_times(rng: np.random.Generator, count: int, length: int, phi: float, heavy: bool = True) -> np.ndarray:
    """`count` series of step times around 1 with a true median of exactly 1.

    AR(1) of unit variance with coefficient `phi`, as exp(0.05 x); with `heavy` as exp(0.05 sinh x), a tail in
    which one step in a thousand is 1.7 times the median and more.
    """
    shocks = rng.standard_normal((count, length)) * math.sqrt(1 - phi**2)
    shocks[:, 0] /= math.sqrt(1 - phi**2)
    x = lfilter([1.0], [1.0, -phi], shocks, axis=1)
    return np.exp(NOISE * (np.sinh(x) if heavy else x))


def coverage(interval: Callable[[list[float]], Interval | None], series: np.ndarray) -> tuple[float, float]:
    """Share of the intervals that hold the truth, 1, and share of series with an interval."""
    found = [interval(list(values)) for values in series]
    held = [low <= 1.0 <= high for low, high in filter(None, found)]
    return (float(np.mean(held)) if held else math.nan), len(held) / len(found)


def course_times(course: str, length: int, phi: float, count: int) -> np.ndarray:
    """`count` series of a known course under normal noise of 5 %."""
    factor, _ = COURSES[course]
    at = np.arange(length) / length
    return step_times(np.random.default_rng(length), count, length, phi, heavy=False) * factor(at)


def rightly_classed(course: str, length: int, phi: float, count: int) -> float:
    """Share of series that get the class of their course."""
    _, label = COURSES[course]
    return float(np.mean([classify(list(x)).label == label for x in course_times(course, length, phi, count)]))


def settled_by_then(course: str, length: int, phi: float, count: int) -> float:
    """Share of series after which warm-up would end."""
    return float(np.mean([has_settled(list(x)) for x in course_times(course, length, phi, count)]))


def _interval_row(name: str, interval: Callable[[list[float]], Interval | None], phi: float, lengths: list[int]) -> str:
    cells = []
    for length in lengths:
        held, known = coverage(interval, step_times(np.random.default_rng(length), SERIES, length, phi))
        cells.append(f"{held:.3f}" + (f" ({known:.0%})" if known < 0.995 else ""))
    return f"| {name} | {phi:g} | " + " | ".join(cells) + " |"


def _share_row(share: Callable[[str, int, float, int], float], course: str, phi: float) -> str:
    cells = [f"{share(course, length, phi, SERIES // 2):.0%}" for length in LENGTHS]
    return f"| {course} | {phi:g} | " + " | ".join(cells) + " |"


def _head(first: str, lengths: tuple[int, ...] | list[int], unit: str) -> str:
    return (
        f"\n| {first} | φ | " + " | ".join(f"{n} {unit}" for n in lengths) + " |\n" + "|---" * (len(lengths) + 2) + "|"
    )


def main() -> None:
    """Print every table."""
    print(_head("interval", LENGTHS, "steps"))
    for phi in (0.0, 0.5, 0.8, 0.95):
        print(_interval_row("median", median_interval, phi, list(LENGTHS)))
    few = [3, 5, 10, 20]
    print(_head("interval", few, "figures"))
    print(_interval_row("processes", between_processes, 0.0, few))
    for phi in (0.0, 0.3, 0.6):
        print(_interval_row("blocks", between_blocks, phi, few))
    for title, share in (("`classify` is right", rightly_classed), ("`has_settled`", settled_by_then)):
        print(_head(title, LENGTHS, "steps"))
        for course in COURSES:
            print("\n".join(_share_row(share, course, phi) for phi in (0.0, 0.5)))


if __name__ == "__main__":
    main()
