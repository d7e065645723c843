"""The clock of a collective operation by itself, the same for every backend."""

from __future__ import annotations

import time
from collections.abc import Callable


def time_exchange(
    exchange: Callable[[], object], repeats: int, align: Callable[[], object] = lambda: None
) -> list[float]:
    """Seconds of each of `repeats` exchanges.

    Args:
        exchange: does one and returns when it is done.
        align: brings the processes that take part together before each.
    """
    # The first one connects and compiles.
    align()
    exchange()
    seconds = []
    for _ in range(repeats):
        align()
        start = time.perf_counter()
        exchange()
        seconds.append(time.perf_counter() - start)
    return seconds
