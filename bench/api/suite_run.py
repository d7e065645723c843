"""A suite: measure it, with rows and a progress bar where wanted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from anatomy.bench.api.single_case import Budgets, budgets_of, entered
from anatomy.bench.api.stored_run import StoredRun, load_run
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.runner.measure_run import RunListener, measure_run
from anatomy.bench.runner.measuring_lock import measuring
from anatomy.bench.runner.open_run import open_run, resume_run
from anatomy.bench.runner.run_plan import plan_suite
from anatomy.bench.suites.suite import Axes, Suite, load_suite
from anatomy.models.pretrained_weights import say_once

if TYPE_CHECKING:
    from anatomy.bench.cli.screens.run_listeners import RunDisplay


def run_suite(
    suite: str | Suite = "quick",
    *,
    models: Sequence[str] = (),
    out: str | Path | None = None,
    resume: str | Path | None = None,
    listener: RunListener | None = None,
    **budgets: Unpack[Budgets],
) -> StoredRun:
    """Measure the cases of a suite, each in a fresh process; every record is on disk before the next case starts.

    Args:
        suite: a name (`quick`, `full`, `smoke`), a TOML file, or a `Suite`.
        models: measure only these models of the suite.
        out: folder of the run; by default a new one in `anatomy-runs`, named by the time.
        resume: folder of a run that was cut short: measure what it has no record of. The suite is the run's own.
        listener: told what happens; `progress()` prints rows and a bar.
        budgets: how cases are measured, in place of the suite's own: `seconds`, `steps`, `target`, `processes`,
            `timeout_s`, `memory_limit`.

    Raises:
        UsageError: a suite, model or budget is wrong, or `out` holds a run; the message says what was expected.
        KeyboardInterrupt: Ctrl-C. What was finished is kept; go on with `resume`.
    """
    with measuring("anatomy.bench.run_suite"):
        here = collect()
        if resume is not None:
            run = resume_run(Path(resume), here.fingerprint)
        else:
            found = suite if isinstance(suite, Suite) else load_suite(suite)
            plan = plan_suite(found, Axes(), models, budgets_of(budgets))
            say_once(plan.notes)
            run = open_run(plan, Path(out) if out else None, here, ["anatomy.bench"])
        with entered(listener) as listening:
            finished = measure_run(replace(run, import_paths=tuple(sys.path)), listening)
    if finished.interrupted:
        raise KeyboardInterrupt
    return load_run(finished.path)


def progress() -> RunDisplay:
    """A listener that prints a row per case, and a progress bar on a terminal."""
    from rich.console import Console

    from anatomy.bench.cli.screens.run_listeners import RunDisplay

    return RunDisplay(Console(), None)
