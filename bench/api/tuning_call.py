"""The best settings for a model, from a script or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from anatomy.bench.api.model_source import model_source
from anatomy.bench.api.single_case import Budgets, Model, budgets_of
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.machine.temporary_folders import temporary_folder
from anatomy.bench.records.case import Mode
from anatomy.bench.records.tuning import GoalName, Tuning
from anatomy.bench.runner.measuring_lock import measuring
from anatomy.bench.runner.open_run import open_run
from anatomy.bench.tuning.plan_tuning import plan_tuning
from anatomy.bench.tuning.tune_model import SilentSearch, TuneListener
from anatomy.bench.tuning.tune_model import tune as tune_model
from anatomy.models.pretrained_weights import say_once


def tune(
    model: Model,
    goal: GoalName = "throughput",
    *,
    mode: Mode = "train",
    data: Any = None,
    max_latency: str | float | None = None,
    max_memory: str | int | None = None,
    min_batch: int = 1,
    batch_size: int | None = None,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    frameworks: bool = False,
    inputs: Mapping[str, str] | None = None,
    minutes: float = 5.0,
    tolerance: float = 0.03,
    out: str | Path | None = None,
    listener: TuneListener | None = None,
    **budgets: Unpack[Budgets],
) -> Tuning:
    """Find the best backend, compiler, dtype policy and batch size for a model, each tried in a fresh process.

    Args:
        model: by name, a function that builds one, or a live `keras.Model`; as for `measure`.
        goal: what is sought: `throughput`, `latency`, `memory` or `energy`.
        mode: `train` or `infer`, or Keras's own loops, `fit` or `predict`.
        data: of a live model; as for `measure`.
        max_latency: what the 99th percentile of a step may take, as `"5ms"` or in seconds.
        max_memory: what the steps may take above the process without the model, as `"4GiB"` or in bytes.
        min_batch: the smallest batch that is of use.
        batch_size: what you have now, to compare with; by default Keras's 32.
        backends: to search; by default all that are installed.
        dtypes: policies to search; by default float32 and the lower precisions of the machine.
        frameworks: search the frameworks' own layers as well.
        inputs: sizes of open inputs, such as `{"tokens": "128"}`.
        minutes: after which no further setting is tried.
        tolerance: relative difference below which settings are equally good.
        out: folder in which the run is kept; a temporary one by default.
        listener: told what happens.
        budgets: how cases are measured: `timeout_s`, `memory_limit`, ….

    Returns:
        The answer; its `winner` is `None` where nothing meets the limits.

    Raises:
        UsageError: the model or an option is wrong; the message says what was expected.
    """
    with ExitStack() as stack:
        made = stack.enter_context(temporary_folder("case"))
        source = model_source(model, made, data)
        request, plan = plan_tuning(
            source.text,
            goal,
            max_latency=max_latency,
            max_memory=max_memory,
            min_batch=min_batch,
            batch_size=batch_size,
            mode=mode,
            backends=backends,
            dtypes=dtypes,
            frameworks=frameworks,
            inputs=[f"{path}={said}" for path, said in (inputs or {}).items()],
            budgets=budgets_of(budgets),
            tolerance=tolerance,
            minutes=minutes,
            directory=source.directory,
        )
        say_once(plan.notes)
        stack.enter_context(measuring("anatomy.bench.tune"))
        run = open_run(plan, Path(out) if out else made / "run", collect(), ["anatomy.bench"])
        run = replace(run, directory=source.directory or Path.cwd(), import_paths=tuple(sys.path))
        return tune_model(request, run, listener or SilentSearch())
