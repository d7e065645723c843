"""Open a run: a new folder for a plan, or the folder of a run that was cut short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import read_profiles
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.ceiling_cache import cached_ceilings
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.new_run import new_run
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RUN_FILE, Run, RunWriter, holds_run, interleave_processes, load_run
from anatomy.bench.records.settings import MeasureSettings, checked_settings
from anatomy.bench.runner.run_plan import RunPlan
from anatomy.bench.runner.supervisor import usable_memory_bytes


@dataclass(frozen=True)
class OpenRun:
    """A run with a folder, and what it has no record of.

    Attributes:
        writer: appends to its records.
        todo: cases with the number of the process; of a search, where it begins.
        settings: how cases are measured.
        environment: fingerprint of the machine that measures.
        ceilings: what that machine can do at best; empty where it was not measured.
        largest_batch: whether each case stands for a search of the largest batch that fits.
        unprofiled: records of an interrupted run whose profile is missing.
        directory: where workers run, and look first for the user's own modules.
        import_paths: where they look next.
    """

    writer: RunWriter
    todo: Sequence[tuple[Case, int]]
    settings: MeasureSettings
    environment: str
    ceilings: Sequence[Ceiling] = ()
    largest_batch: bool = False
    unprofiled: Sequence[Record] = ()
    directory: Path = field(default_factory=Path.cwd)
    import_paths: Sequence[str] = ()


def open_run(
    plan: RunPlan, out: Path | None, environment: Environment, command: Sequence[str], here: bool = True
) -> OpenRun:
    """Create the folder of a run.

    Args:
        plan: what is to be measured.
        out: the folder; `None` for one below `anatomy-runs`, named by the time.
        environment: of the machine that measures.
        command: the command line, kept in the run's header.
        here: whether this machine measures; its free memory then limits the workers.

    Raises:
        UsageError: the folder holds a run.
    """
    settings = plan.settings
    if here and settings.memory_limit_bytes is None:
        settings = settings.model_copy(update={"memory_limit_bytes": usable_memory_bytes()})
    writer = new_run(
        out,
        suite=plan.suite,
        command=command,
        settings=settings,
        environment=environment,
        planned=plan.cases,
        largest_batch=plan.largest_batch,
    )
    ceilings = cached_ceilings(environment.fingerprint)
    todo = interleave_processes(plan.cases, 1 if plan.largest_batch else settings.processes)
    return OpenRun(writer, todo, settings, environment.fingerprint, ceilings, plan.largest_batch)


def resume_run(path: Path, fingerprint: str) -> OpenRun:
    """Open a run to measure what it has no record of, and to profile what it was to profile and did not.

    Args:
        path: the run's folder.
        fingerprint: of the machine that measures, which must be the one that the run began on.

    Raises:
        UsageError: it is another machine, another process writes to the run, or its files are damaged.
    """
    writer = RunWriter(path)
    if holds_run(path):
        # Before the records are read: until then another process may add to them.
        writer.lock()
    run = load_run(path)
    header = run.header
    if fingerprint != header.environment.fingerprint:
        raise UsageError(
            f"{path} was begun in another environment ({header.environment.fingerprint}, now {fingerprint});"
            " its figures would not compare: start a new run"
        )
    settings = checked_settings(header.settings, f"{path / RUN_FILE}, settings")
    # A search goes over what it knows again, and measures the rest.
    todo = interleave_processes(header.planned, 1) if header.largest_batch else run.remaining
    unprofiled = _unprofiled(run) if settings.profile else []
    return OpenRun(writer, todo, settings, fingerprint, header.ceilings, header.largest_batch, unprofiled)


def _unprofiled(run: Run) -> list[Record]:
    """Records without their profile, in the run's order; what was only counted has no profile."""
    profiled = {profile.key for profile in read_profiles(run.path)}
    return [record for record in run.records if record.case.mode != "count" and record.key not in profiled]
