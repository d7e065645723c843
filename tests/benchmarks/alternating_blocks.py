"""Two steps measured in blocks that alternate in one process, so that what disturbs one disturbs the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

Step = Callable[[], Any]
# A block of steps lasts at least this long.
BLOCK_S = 0.1


def log_ratios(ours: Step, other: Step, pairs: int, wait: Callable[[Any], Any]) -> list[float]:
    """ln(time of ours / time of the other) of neighbouring blocks of as many steps; who begins, alternates.

    Args:
        ours: one step.
        other: one step.
        pairs: number of ratios.
        wait: waits for what a step returned.
    """
    for step in (ours, other, ours, other):
        wait(step())
    count = max(1, math.ceil(BLOCK_S / _seconds(other, 3, wait) * 3))
    logs = []
    for number in range(pairs):
        first, second = (ours, other) if number % 2 else (other, ours)
        times = {first: _seconds(first, count, wait), second: _seconds(second, count, wait)}
        logs.append(math.log(times[ours] / times[other]))
    return logs


def _seconds(step: Step, count: int, wait: Callable[[Any], Any]) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        result = step()
    wait(result)
    return time.perf_counter() - begin
