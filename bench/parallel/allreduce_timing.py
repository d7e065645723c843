"""Time an all-reduce on its own, the same way for every backend."""

from __future__ import annotations

import time
from collections.abc import Callable


def time_allreduce(
    all_reduce: Callable[[], object], repeats: int, barrier: Callable[[], object] = lambda: None
) -> list[float]:
    """Seconds of each of `repeats` all-reduces, after one that is not timed.

    Args:
        all_reduce: performs one and returns when it is done.
        barrier: waits until all processes that take part have come to it; called before each all-reduce.
    """
    # The first one connects and compiles.
    barrier()
    all_reduce()
    seconds = []
    for _ in range(repeats):
        barrier()
        start = time.perf_counter()
        all_reduce()
        seconds.append(time.perf_counter() - start)
    return seconds
