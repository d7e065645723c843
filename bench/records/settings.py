"""How cases are measured: the settings of a run, stored in its header."""

from __future__ import annotations

from pydantic import Field, field_validator

from anatomy.bench.records.cpu_list import cpus_text, parse_cpus
from anatomy.bench.records.frozen import Frozen


class MeasureSettings(Frozen):
    """Budgets of each case.

    Attributes:
        seconds: longest measured window of a case, half synchronised and half pipelined.
        target: the window ends earlier when the 95 % interval of the median step is within ± this share of it.
        steps: number of steps of each kind, instead of `seconds` and `target`.
        warmup_s: least seconds of synchronised steps before the window.
        warmup_budget_s: seconds after which warm-up ends even if the step times have not settled.
        processes: number of fresh processes per case, interleaved over the run.
        timeout_s: wall-clock seconds from request to result after which a case is killed.
        profile: whether to profile each case after it was measured, in another process.
        memory_limit_bytes: resident memory above which a worker is killed; `None` for no limit.
        batch_of_dataset: whether no batch size was given, so that a dataset that comes with a model says it.
        cpus: CPUs that the workers run on, e.g. `0-3`; `None` for all that this process may use.
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
    batch_of_dataset: bool = False
    cpus: str | None = None

    @field_validator("cpus")
    @classmethod
    def _shortest(cls, cpus: str | None) -> str | None:
        return None if cpus is None else cpus_text(parse_cpus(cpus))
