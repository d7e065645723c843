"""Measure a plan on the nodes of a cluster: one run per type of machine, cases handed out to idle nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from anatomy.bench.cluster.connection import connect_to_cluster
from anatomy.bench.cluster.placement import Task
from anatomy.bench.cluster.scheduler import Listener, Scheduler
from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import DEFAULT_FOLDER, load_run, new_run_id, planned_keys
from anatomy.bench.runner.measure_run import FinishedRun
from anatomy.bench.runner.open_run import OpenRun, open_run, resume_run
from anatomy.bench.runner.run_plan import RunPlan
from anatomy.models import kind_of


def measure_on_cluster(
    address: str,
    machine_types: Sequence[str],
    what: RunPlan | Path,
    out: Path | None,
    command: Sequence[str],
    listener: Callable[[int], AbstractContextManager[Listener]],
    say: Callable[[str], None],
) -> list[FinishedRun]:
    """Measure until all cases are done, Ctrl-C, or no node is left. Finished cases are on disk.

    Args:
        address: address of the Ray cluster.
        machine_types: types of nodes to use, one run per type; empty for all nodes, which must then be alike.
        what: a plan, or the folder of a run to resume.
        out: folder of the run, or of the runs if there are several types.
        command: the command line, stored in each run's header.
        listener: makes the listener for a number of cases.
        say: told a line of news about a node.

    Raises:
        SetupError: the cluster cannot be reached, or its nodes do not fit.
        UsageError: the folder already contains a run, or a resumed run is of other machines.
    """
    types = list(machine_types) or [""]
    settings, models = _settings_of(what)
    # The nodes may lack the modules of the user's own models.
    ship = Path.cwd() if any(kind_of(model) != "zoo" for model in models) else None
    with connect_to_cluster(address, ship) as ray:
        scheduler = Scheduler(ray, settings, say)
        try:
            runs = _open(scheduler.environments(types), what, out, command)
            tasks = _tasks(runs, types, settings)
            with listener(len(tasks)) as listening:
                interrupted, stopped = _measure(scheduler, tasks, runs, listening)
        finally:
            scheduler.close()
    return [
        FinishedRun(run.writer.path, len(run.todo), _records_of(run), interrupted=interrupted, stopped=stopped)
        for run in runs
    ]


def _measure(
    scheduler: Scheduler, tasks: Sequence[Task], runs: Sequence[OpenRun], listener: Listener
) -> tuple[bool, str]:
    """Whether Ctrl-C ended the run, and for which other reason it was stopped; empty if it was not."""
    try:
        scheduler.measure_all(tasks, [run.writer for run in runs], listener)
    except KeyboardInterrupt:
        return True, ""
    except SetupError as error:
        return False, str(error)
    return False, ""


def _settings_of(what: RunPlan | Path) -> tuple[dict[str, Any], list[str]]:
    """The settings and the models of a plan, or of a run to resume."""
    if isinstance(what, Path):
        header = load_run(what).header
        return dict(header.settings), [case.model for case in header.planned]
    return what.settings.model_dump(), [case.model for case in what.cases]


def _open(
    environments: Mapping[str, Environment], what: RunPlan | Path, out: Path | None, command: Sequence[str]
) -> list[OpenRun]:
    """Open a run per type of machine; several are in folders named after the types."""
    if isinstance(what, Path):
        if len(environments) > 1:
            raise UsageError(f"{what} is a run on machines of one type; give its --machine-type alone")
        (environment,) = environments.values()
        return [resume_run(what, environment.fingerprint)]
    folder = out or Path(DEFAULT_FOLDER) / new_run_id()
    return [
        open_run(what, folder / name if len(environments) > 1 else folder, environment, command, here=False)
        for name, environment in environments.items()
    ]


def _tasks(runs: Sequence[OpenRun], types: Sequence[str], settings: Mapping[str, Any]) -> list[Task]:
    """The tasks of all runs, taking one from each in turn: no type of machine waits for another."""
    memory = float(settings.get("memory_limit_bytes") or 0)
    by_run = [
        [Task(number, case, repeat, name, memory) for case, repeat in run.todo]
        for number, (run, name) in enumerate(zip(runs, types, strict=True))
    ]
    return [task for tasks in zip_longest(*by_run) for task in tasks if task is not None]


def _records_of(run: OpenRun) -> list[Record]:
    wanted = {case.key for case, _ in run.todo}
    stored = load_run(run.writer.path)
    planned_key = planned_keys(stored.header)
    return [record for record in stored.records if planned_key(record.case) in wanted]
