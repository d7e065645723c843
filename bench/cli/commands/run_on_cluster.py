"""`anatomy run --cluster`: the nodes of a Ray cluster measure, a run for each type of machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from anatomy.bench.cli.commands.conclude import Done
from anatomy.bench.cluster.connection import connected
from anatomy.bench.cluster.placement import Task
from anatomy.bench.cluster.scheduler import Sweep
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.records.run_store import DEFAULT_FOLDER, load_run, new_run_id

if TYPE_CHECKING:
    from anatomy.bench.cli.screens.progress_display import Display
    from anatomy.bench.records.case import Case
    from anatomy.bench.records.environment import Environment
    from anatomy.bench.records.record import Record
    from anatomy.bench.records.run_store import RunWriter
    from anatomy.bench.runner.open_run import Asked, Begun


def refuse_with_cluster(
    address: str | None, machine_types: Sequence[str] | None, nodes: bool, profile: bool = False
) -> None:
    """What does not go together.

    Raises:
        UsageError: it does not.
    """
    if machine_types and address is None:
        raise UsageError("--machine-type chooses nodes of a cluster; give --cluster")
    if profile and (nodes or address is not None):
        raise UsageError("profiles are taken on this machine alone; leave --profile out, or --cluster and --nodes")
    if nodes and address is not None:
        raise UsageError("--nodes lets several machines share a case and --cluster gives each its own; choose one")


def measure_on_cluster(
    address: str,
    machine_types: Sequence[str],
    what: Asked | Path,
    out: Path | None,
    json: bool,
    quiet: bool,
) -> list[Done]:
    """Measure on the nodes of a cluster until done, Ctrl-C, or no node is left; what was finished is on disk.

    Args:
        what: to measure, or the folder of a run to go on with.

    Raises:
        SetupError: the cluster cannot be reached or its nodes do not fit.
    """
    from rich.console import Console

    from anatomy.bench.cli.screens.progress_display import Display

    types = [name.strip() for text in machine_types for name in text.split(",") if name.strip()] or [""]
    asked_settings, models = _settings_of(what)
    console = Console(stderr=json)
    # Models of the user's own are in modules that the nodes may lack.
    ship = Path.cwd() if any(":" in model for model in models) else None
    with connected(address, ship) as ray:
        sweep = Sweep(ray, asked_settings, lambda news: typer.echo(f"anatomy run: {news}", err=True))
        try:
            runs = _begun(sweep.environments(types), what, out)
            tasks = _tasks(runs, types, asked_settings)
            writers = [run.writer for run in runs]
            with Display(console, len(tasks), quiet) as display:
                stopped = _sweep(sweep, tasks, writers, _Printing(display, json))
        finally:
            sweep.close()
    return [Done(run.writer.path, _of_this_time(run), len(run.todo), stopped) for run in runs]


class _Printing:
    """The display, and each record as a line of JSON where that was asked for."""

    def __init__(self, display: Display, json: bool) -> None:
        self._display, self._json = display, json

    def begin(self, case: Case, name: str) -> None:
        self._display.begin(case, name)

    def end(self, record: Record) -> None:
        self._display.end(record)
        if self._json:
            print(record.model_dump_json(), flush=True)


def _sweep(sweep: Sweep, tasks: Sequence[Task], writers: Sequence[RunWriter], listener: _Printing) -> int:
    """The exit code of what stopped it before its end, or 0."""
    try:
        sweep.run(tasks, writers, listener)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except SetupError as error:
        typer.echo(f"anatomy run: {error}", err=True)
        return exit_codes.NOT_ALL_MEASURED
    return exit_codes.OK


def _settings_of(what: Asked | Path) -> tuple[dict[str, Any], list[str]]:
    """How to measure, and the models."""
    if isinstance(what, Path):
        header = load_run(what).header
        return dict(header.settings), [case.model for case in header.planned]
    return what.settings.model_dump(), [case.model for case in what.cases]


def _begun(environments: Mapping[str, Environment], what: Asked | Path, out: Path | None) -> list[Begun]:
    """A run for each type of machine, in a folder of the type's name where there are several."""
    from anatomy.bench.runner.open_run import begin, resumed

    if isinstance(what, Path):
        if len(environments) > 1:
            raise UsageError(f"{what} is a run on machines of one type; give its --machine-type alone")
        (environment,) = environments.values()
        return [resumed(what, environment.fingerprint)]
    folder = out or Path(DEFAULT_FOLDER) / new_run_id()
    return [
        begin(what, folder / name if len(environments) > 1 else folder, environment, here=False)
        for name, environment in environments.items()
    ]


def _tasks(runs: Sequence[Begun], types: Sequence[str], settings: Mapping[str, Any]) -> list[Task]:
    """Those of all runs in turn, so that no type of machine waits for another."""
    memory = float(settings.get("memory_limit_bytes") or 0)
    by_run = [
        [Task(number, case, repeat, name, memory) for case, repeat in run.todo]
        for number, (run, name) in enumerate(zip(runs, types, strict=True))
    ]
    return [task for tasks in zip_longest(*by_run) for task in tasks if task is not None]


def _of_this_time(run: Begun) -> list[Record]:
    wanted = {case.key for case, _ in run.todo}
    return [record for record in load_run(run.writer.path).records if record.key in wanted]
