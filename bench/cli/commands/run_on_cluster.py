"""`anatomy run --cluster`: the nodes of a Ray cluster measure, a run for each type of machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from anatomy.bench.errors.anatomy_error import NothingMeasuredError, SetupError

if TYPE_CHECKING:
    from anatomy.bench.runner.measure_run import FinishedRun
    from anatomy.bench.runner.run_plan import RunPlan


def run_on_cluster(
    address: str, machine_types: Sequence[str], what: RunPlan | Path, out: Path | None, json: bool, quiet: bool
) -> list[FinishedRun]:
    """Measure a plan on a cluster, or go on with the run in a folder; rows and news are printed as they come."""
    from rich.console import Console

    from anatomy.bench.cli.screens.run_listeners import RunDisplay
    from anatomy.bench.cluster.measure_on_cluster import measure_on_cluster

    console = Console(stderr=json)
    types = [name.strip() for text in machine_types for name in text.split(",") if name.strip()]

    def say(news: str) -> None:
        typer.echo(f"anatomy run: {news}", err=True)

    try:
        finished = measure_on_cluster(
            address,
            types,
            what,
            out,
            ["anatomy", *sys.argv[1:]],
            lambda total: RunDisplay(console, total, quiet=quiet, json=json),
            say,
        )
    except SetupError as error:
        raise NothingMeasuredError(str(error)) from error
    for reason in {run.stopped for run in finished if run.stopped}:
        say(reason)
    return finished
