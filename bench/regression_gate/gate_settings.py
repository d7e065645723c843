"""How the processes of a pair are measured."""

from __future__ import annotations

from anatomy.bench.records.settings import MeasureSettings, checked_settings
from anatomy.bench.runner.supervisor import usable_memory_bytes
from anatomy.bench.suites.units import parse_bytes

# Short, since every pair warms up anew; what remains of a warm-up is the same on both sides.
WARMUP_S, WARMUP_BUDGET_S = 0.2, 2.0


def gate_settings(timeout_s: float = 600.0, memory_limit: str | None = None) -> MeasureSettings:
    """Settings of the two workers of a pair.

    Args:
        timeout_s: seconds for the warm-up, and for each turn.
        memory_limit: memory of one worker, e.g. `4GiB`; None for half of what is usable, since two are alive at once.

    Raises:
        UsageError: `memory_limit` is no size, or a value is out of its bounds.
    """
    limit = parse_bytes(memory_limit) if memory_limit else usable_memory_bytes() // 2
    given = {"timeout_s": timeout_s, "memory_limit_bytes": limit}
    return checked_settings(given | {"warmup_s": WARMUP_S, "warmup_budget_s": WARMUP_BUDGET_S})
