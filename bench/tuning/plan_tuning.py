"""From a model and what is wanted of it to a search: the default to compare with, and the settings to try."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from anatomy.bench.backends.available import availability, installed_backends, supports
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.records.case import BACKENDS, DTYPES, KERAS_BACKENDS, LOOPS, NATIVE_BACKENDS, Backend, Mode
from anatomy.bench.records.tuning import SEARCH, Goal
from anatomy.bench.runner.run_plan import RunPlan, plan_suite
from anatomy.bench.suites.axis_options import parse_axes
from anatomy.bench.suites.suite import Suite
from anatomy.bench.suites.units import parse_bytes, parse_seconds
from anatomy.bench.tuning.search_space import DEFAULT_BATCH_SIZE, default_dtypes
from anatomy.bench.tuning.tune_model import TuneRequest

MODES = ("train", "infer", *LOOPS)


def plan_tuning(
    model: str,
    goal: str = "throughput",
    *,
    max_latency: str | float | None = None,
    max_memory: str | int | None = None,
    min_batch: int = 1,
    batch_size: int | None = None,
    mode: Mode = "train",
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    frameworks: bool = False,
    inputs: Sequence[str] = (),
    budgets: Mapping[str, Any] | None = None,
    tolerance: float = 0.03,
    minutes: float = 5.0,
    directory: Path | None = None,
) -> tuple[TuneRequest, RunPlan]:
    """The search and the plan of its run.

    Args:
        model: by name, as for `anatomy run`.
        goal: what is sought; see `Goal`.
        max_latency: of a step, as `"5ms"` or in seconds.
        max_memory: of the steps, as `"4GiB"` or in bytes.
        min_batch: the smallest batch that is of use.
        batch_size: that of the default, which is compared with; `None` for Keras's 32.
        mode: `train` or `infer`, or Keras's own loops, `fit` or `predict`.
        backends: to search; empty for all that are installed.
        dtypes: policies to search; empty for float32 and the lower precisions of the machine.
        frameworks: whether the frameworks' own layers are searched as well.
        inputs: sizes of open inputs, as for `anatomy run`.
        budgets: fields of `MeasureSettings`.
        tolerance: relative difference below which settings are equally good.
        minutes: after which no further setting is tried.
        directory: where the model's module is looked for; `None` for the current one.

    Raises:
        UsageError: a value is not one of its kind, or nothing can be searched.
    """
    sought = _goal(goal, max_latency, max_memory, min_batch)
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}: expected {', '.join(MODES)}")
    if mode in LOOPS and (goal in ("latency", "memory") or max_latency is not None or max_memory is not None):
        raise UsageError(
            f"mode {mode!r}: Keras's loop is measured by the epoch, with the epoch's data in memory, so that it tells"
            " neither the latency nor the memory of a step; use train or infer, or leave out these goals and limits,"
            " also in [tool.anatomy.tune]"
        )
    for name, value in (("tolerance", tolerance), ("minutes", minutes)):
        if not value > 0:
            raise UsageError(f"{name} = {value}: expected a number above 0")
    chosen = _backends(backends, mode, frameworks)
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise UsageError(f"dtype {dtype!r}: expected {', '.join(DTYPES)}")
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch_size = {batch_size}: expected 1 or more")
    batch_size = max(batch_size or DEFAULT_BATCH_SIZE, sought.min_batch_size)
    axes: dict[str, list[str] | None] = {
        "backend": [_default_backend(chosen)],
        "mode": [mode],
        "batch_size": [str(batch_size)],
        "inputs": list(inputs) or None,
    }
    suite = Suite.model_validate({"name": f"{SEARCH}{sought.name}", "matrix": [{"model": [model]}]})
    plan = plan_suite(suite, parse_axes(axes), (), budgets or {}, directory=directory)
    if len(plan.cases) != 1:
        raise UsageError(f"{model} is {len(plan.cases)} cases; a search is for one model")
    policies = tuple(dtypes) or default_dtypes(bool(collect().gpus))
    return TuneRequest(plan.cases[0], sought, chosen, policies, tolerance, minutes), plan


def _goal(name: str, max_latency: str | float | None, max_memory: str | int | None, min_batch: int) -> Goal:
    """What is sought.

    Raises:
        UsageError: a value is not one of its kind.
    """
    fields = {
        "name": name,
        "max_latency_s": parse_seconds(max_latency) if isinstance(max_latency, str) else max_latency,
        "max_memory_bytes": parse_bytes(max_memory) if isinstance(max_memory, str) else max_memory,
        "min_batch_size": min_batch,
    }
    try:
        return Goal.model_validate(fields)
    except ValidationError as error:
        raise UsageError(f"what is sought: {first_mistake(error)}") from error


def _backends(given: Sequence[str], mode: Mode, frameworks: bool) -> tuple[Backend, ...]:
    """The backends to search.

    Raises:
        UsageError: one does not exist, is not installed or cannot do the mode; or there is none.
    """
    for name in given:
        if name not in BACKENDS:
            raise UsageError(f"backend {name!r}: expected {', '.join(BACKENDS)}")
    named = [cast("Backend", name) for name in given] or list(installed_backends())
    if frameworks:
        named += [name for name in NATIVE_BACKENDS if availability(name).installed and name not in named]
    missing = next((one for name in named if not (one := availability(name)).installed), None)
    if missing is not None:
        raise UsageError(f"{missing.backend} is not installed; {missing.remedy}")
    able = tuple(name for name in named if supports(name, mode))
    if not able:
        raise UsageError(f"none of {', '.join(named)} can do {mode}")
    return able


def _default_backend(searched: Sequence[Backend]) -> str:
    """The backend that Keras takes where nobody says one, https://keras.io/getting_started/#configuring-your-backend.

    Where that is not searched, the first that is.
    """
    name = os.environ.get("KERAS_BACKEND") or _configured() or KERAS_BACKENDS[0]
    return name if name in searched else searched[0]


def _configured() -> str | None:
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    try:
        found = json.loads((home / "keras.json").read_text())
    except (OSError, ValueError):
        return None
    return found.get("backend") if isinstance(found, dict) else None
