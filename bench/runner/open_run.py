"""From the command line of `anatomy run` to a run that has begun: what is to be measured, how, and where it is kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import read_profiles
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.new_run import begin_run
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run, RunWriter, in_order, load_run
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.largest_batch import smallest_cases
from anatomy.bench.runner.supervisor import usable_memory_bytes
from anatomy.bench.suites.axis_options import asks_for_largest, axes_of
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import SUITE_BUDGETS, Suite, load_suite


class Asked(NamedTuple):
    """What is to be measured, and how; with `largest_batch` each case stands for a search."""

    suite: str
    cases: list[Case]
    settings: MeasureSettings
    largest_batch: bool = False


class Begun(NamedTuple):
    """A run with a folder, and what it has no record of; of a search, where it begins.

    Attributes:
        unprofiled: records that an interrupted run has without the profile that was to follow.
    """

    writer: RunWriter
    todo: list[tuple[Case, int]]
    settings: MeasureSettings
    largest_batch: bool = False
    unprofiled: Sequence[Record] = ()


def ask(
    models: list[str],
    suite_name: str | None,
    axes: Mapping[str, list[str] | None],
    budgets: Mapping[str, Any],
    nodes: int = 1,
) -> Asked:
    """Plan the cases of a suite or of models given by name.

    Raises:
        UsageError: a value is not one of its axis.
        UsageError: a model or an option cannot be turned into a case.
    """
    is_search = asks_for_largest(axes.get("batch_size"))
    overrides = axes_of({**axes, "batch_size": ["1"]} if is_search else axes)
    if models and suite_name is None:
        suite: Suite = Suite.model_validate({"name": "command line", "matrix": [{"model": models}]})
        cases = plan(suite, overrides, nodes=nodes)
    else:
        suite = load_suite(suite_name or "quick")
        cases = plan(suite, overrides, models, nodes)
    given = {name: value for name, value in budgets.items() if value is not None}
    of_suite = {name: value for name in SUITE_BUDGETS if (value := getattr(suite, name)) is not None}
    settings = MeasureSettings(**(of_suite | given))
    return Asked(suite.name, smallest_cases(cases) if is_search else cases, settings, is_search)


def begin(asked: Asked, out: Path | None, environment: Environment, here: bool = True) -> Begun:
    """Create the run's folder.

    Args:
        environment: of the machine that measures.
        here: whether that is this machine, whose memory then limits the workers.

    Raises:
        UsageError: the folder holds a run.
    """
    settings = asked.settings
    if here and settings.memory_limit_bytes is None:
        settings = settings.model_copy(update={"memory_limit_bytes": usable_memory_bytes()})
    writer = begin_run(
        out,
        suite=asked.suite,
        command=["anatomy", *sys.argv[1:]],
        settings=settings,
        environment=environment,
        planned=asked.cases,
        largest_batch=asked.largest_batch,
    )
    todo = in_order(asked.cases, 1 if asked.largest_batch else settings.processes)
    return Begun(writer, todo, settings, asked.largest_batch)


def resumed(path: Path, fingerprint: str) -> Begun:
    """Open a run and plan what it has no record of, or was to profile and did not.

    Args:
        fingerprint: of the machine that measures, which must be that on which the run began.

    Raises:
        UsageError: it is another, or the run's files are damaged.
    """
    run = load_run(path)
    if fingerprint != run.header.environment.fingerprint:
        raise UsageError(
            f"{path} was begun in another environment ({run.header.environment.fingerprint}, now {fingerprint});"
            " its figures would not compare: start a new run"
        )
    is_search = run.header.largest_batch
    # A search goes over what it knows again, and measures the rest.
    todo = in_order(run.header.planned, 1) if is_search else run.remaining
    settings = MeasureSettings.model_validate(run.header.settings)
    return Begun(RunWriter(path), todo, settings, is_search, _unprofiled(run) if settings.profile else [])


def _unprofiled(run: Run) -> list[Record]:
    """In the run's order; what was only counted has no profile."""
    profiled = {profile.key for profile in read_profiles(run.path)}
    return [record for record in run.records if record.case.mode != "count" and record.key not in profiled]
