"""How cases are measured: the settings of a run, stored in its header."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, field_validator

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.checked_numbers import LONGEST_S
from anatomy.bench.records.cpu_list import cpus_text, parse_cpus
from anatomy.bench.records.frozen import Frozen

# Steps of a kind.
MOST = 10**9
# Of a case: a plan lists each.
MOST_PROCESSES = 10_000


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

    seconds: float = Field(default=3.0, gt=0, le=LONGEST_S)
    target: float = Field(default=0.01, gt=0, lt=1)
    steps: int | None = Field(default=None, ge=2, le=MOST)
    warmup_s: float = Field(default=0.3, ge=0, le=LONGEST_S)
    warmup_budget_s: float = Field(default=3.0, ge=0, le=LONGEST_S)
    processes: int = Field(default=1, ge=1, le=MOST_PROCESSES)
    timeout_s: float = Field(default=600.0, gt=0, le=LONGEST_S)
    memory_limit_bytes: int | None = Field(default=None, gt=0, lt=2**63)
    profile: bool = False
    batch_of_dataset: bool = False
    cpus: str | None = None

    @field_validator("cpus")
    @classmethod
    def _shortest(cls, cpus: str | None) -> str | None:
        return None if cpus is None else cpus_text(parse_cpus(cpus))


def checked_settings(values: Mapping[str, Any], where: str = "") -> MeasureSettings:
    """The settings with these values, from options, a suite or a stored run.

    Args:
        where: where they come from, for messages; empty for the command line.

    Raises:
        UsageError: a value is out of its bounds; the message says which, and what was expected.
    """
    try:
        return MeasureSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        mistake = f"{'.'.join(map(str, first['loc']))} = {first['input']}: {first['msg'][0].lower()}{first['msg'][1:]}"
        raise UsageError(f"{where}: {mistake}" if where else mistake) from error


def require_above_zero(name: str, value: float | None, *, or_zero: bool = False) -> None:
    """Refuse a budget that is none; `None` is one that was not given.

    Args:
        or_zero: 0 has a meaning: the least that the command can do.

    Raises:
        UsageError: it is not above 0, or not finite.
    """
    if value is None or 0 < value < math.inf or (or_zero and value == 0):
        return
    raise UsageError(f"{name}: expected {'0 or ' if or_zero else ''}a number above 0, got {value:g}")
