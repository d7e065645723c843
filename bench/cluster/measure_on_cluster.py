"""Measure on the nodes of a cluster: a run per type of machine, cases handed out to whichever node is free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from anatomy.bench.cluster.connection import connected
from anatomy.bench.cluster.placement import Task
from anatomy.bench.cluster.scheduler import Listener, Sweep
from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import DEFAULT_FOLDER, load_run, new_run_id
from anatomy.bench.runner.measure_run import FinishedRun
from anatomy.bench.runner.open_run import OpenRun, open_run, resume_run
from anatomy.bench.runner.run_plan import RunPlan


def measure_on_cluster(
    address: str,
    machine_types: Sequence[str],
    what: RunPlan | Path,
    out: Path | None,
    command: Sequence[str],
    listener: Callable[[int], AbstractContextManager[Listener]],
    say: Callable[[str], None],
) -> list[FinishedRun]:
    """Measure until done, Ctrl-C, or no node is left; what was finished is on disk.

    Args:
        address: of the Ray cluster.
        machine_types: labels of nodes; empty for all nodes, which must then be alike.
        what: a plan, or the folder of a run to go on with.
        out: folder of the run, or of the runs where there are several types.
        command: the command line, kept in each run's header.
        listener: makes a listener for so many cases.
        say: told news of nodes, a line each.

    Raises:
        SetupError: the cluster cannot be reached or its nodes do not fit.
        UsageError: a folder holds a run, or a resumed run is of other machines.
    """
    types = list(machine_types) or [""]
    settings, models = _settings_of(what)
    # Models of the user's own are in modules that the nodes may lack.
    ship = Path.cwd() if any(":" in model for model in models) else None
    with connected(address, ship) as ray:
        sweep = Sweep(ray, settings, say)
        try:
            runs = _open(sweep.environments(types), what, out, command)
            tasks = _tasks(runs, types, settings)
            with listener(len(tasks)) as listening:
                interrupted, stopped = _measure(sweep, tasks, runs, listening)
        finally:
            sweep.close()
    return [
        FinishedRun(run.writer.path, len(run.todo), _records_of(run), interrupted=interrupted, stopped=stopped)
        for run in runs
    ]


def _measure(sweep: Sweep, tasks: Sequence[Task], runs: Sequence[OpenRun], listener: Listener) -> tuple[bool, str]:
    """Whether Ctrl-C ended it, and why it was stopped otherwise; empty where it was not."""
    try:
        sweep.run(tasks, [run.writer for run in runs], listener)
    except KeyboardInterrupt:
        return True, ""
    except SetupError as error:
        return False, str(error)
    return False, ""


def _settings_of(what: RunPlan | Path) -> tuple[dict[str, Any], list[str]]:
    """How to measure, and the models."""
    if isinstance(what, Path):
        header = load_run(what).header
        return dict(header.settings), [case.model for case in header.planned]
    return what.settings.model_dump(), [case.model for case in what.cases]


def _open(
    environments: Mapping[str, Environment], what: RunPlan | Path, out: Path | None, command: Sequence[str]
) -> list[OpenRun]:
    """A run per type of machine, in a folder of the type's name where there are several."""
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
    """Tasks of all runs in turn: no type of machine waits for another."""
    memory = float(settings.get("memory_limit_bytes") or 0)
    by_run = [
        [Task(number, case, repeat, name, memory) for case, repeat in run.todo]
        for number, (run, name) in enumerate(zip(runs, types, strict=True))
    ]
    return [task for tasks in zip_longest(*by_run) for task in tasks if task is not None]


def _records_of(run: OpenRun) -> list[Record]:
    wanted = {case.key for case, _ in run.todo}
    return [record for record in load_run(run.writer.path).records if record.key in wanted]
