"""How cases are measured: the same for every case of a run, and part of its header."""

from __future__ import annotations

from pydantic import Field

from anatomy.bench.records.frozen import Frozen


class MeasureSettings(Frozen):
    """Budgets of one case.

    Attributes:
        seconds: longest measured window of one case, half synchronised and half pipelined.
        target: measuring ends sooner when the 95 % interval of the median step is within ± this share of it.
        steps: number of steps of each kind instead of `seconds` and `target`.
        warmup_s: synchronised steps before the window, at least.
        warmup_budget_s: warm-up ends here even when the step times have not settled.
        processes: fresh processes a case, interleaved over the run.
        timeout_s: wall clock of a case from its request to its result; past it, it is killed.
        profile: take a profile of each case after it was measured, in a process of its own.
        memory_limit_bytes: resident memory past which a worker is killed; null for no limit.
    """

    seconds: float = Field(default=3.0, gt=0)
    target: float = Field(default=0.01, gt=0, lt=1)
    steps: int | None = Field(default=None, ge=2)
    warmup_s: float = Field(default=0.3, ge=0)
    warmup_budget_s: float = Field(default=3.0, ge=0)
    processes: int = Field(default=1, ge=1)
    timeout_s: float = Field(default=600.0, gt=0)
    memory_limit_bytes: int | None = Field(default=None, gt=0)
    profile: bool = False
