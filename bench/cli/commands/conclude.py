"""The end of `anatomy run`: history, report, where things are, exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from anatomy.bench.errors import exit_codes

if TYPE_CHECKING:
    from anatomy.bench.records.record import Record


class Done(NamedTuple):
    """A run that has ended, or was ended.

    Attributes:
        records: of this time; those of earlier times are in its folder too.
        planned: how many were to be measured this time.
        stopped: the exit code, where it was stopped before its end; else 0.
        profiled: how many cases of earlier times were profiled this time.
    """

    path: Path
    records: list[Record]
    planned: int
    stopped: int = exit_codes.OK
    profiled: int = 0


def conclude(done: Sequence[Done], *, report: bool, history: bool, silent: bool) -> None:
    """Keep the runs in the history, write their report, say where things are, and exit with what came of them."""
    for run in done:
        if history and run.records:
            _keep(run.path)
    records = [record for run in done for record in run.records]
    measured = sum(record.outcome == "ok" for record in records)
    where = f"records in {', '.join(str(run.path) for run in done)}"
    if report and (records or any(run.profiled for run in done)):
        from anatomy.reports import write_report

        paths = [run.path for run in done]
        (written,) = write_report(paths, out=paths[0] if len(paths) == 1 else paths[0].parent)
        where += f", report in {written}"
    if not silent:
        print(f"{measured} measured, {len(records) - measured} not; {where}")
    _exit(done, measured, len(records))


def _exit(done: Sequence[Done], measured: int, recorded: int) -> None:
    for run in done:
        if run.stopped:
            typer.echo(f"interrupted; the rest: anatomy run --resume {run.path}", err=True)
    if any(run.stopped == exit_codes.INTERRUPTED for run in done):
        raise typer.Exit(exit_codes.INTERRUPTED)
    if any(run.planned for run in done) and not measured:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if recorded > measured or any(run.stopped for run in done):
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)


def _keep(path: Path) -> None:
    """Put the run into the history; what keeps it out is said, and costs the run nothing."""
    from anatomy.bench.history.keep_run import keep_run

    if refusal := keep_run(path, Path.cwd()):
        typer.echo(refusal, err=True)
