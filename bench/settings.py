"""How cases are measured: the same for every case of a run, and part of its header."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MeasureSettings(BaseModel):
    """Budgets of one case.

    Attributes:
        seconds: measured window of one case, half synchronised and half pipelined.
        steps: exact number of steps of each kind instead of `seconds`.
        warmup_s: synchronised steps before the window.
        timeout_s: wall clock of a case from its request to its result; past it, it is killed.
        memory_limit_bytes: resident memory past which a worker is killed; null for no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(default=3.0, gt=0)
    steps: int | None = Field(default=None, ge=2)
    warmup_s: float = Field(default=0.3, ge=0)
    timeout_s: float = Field(default=600.0, gt=0)
    memory_limit_bytes: int | None = Field(default=None, gt=0)
