"""The end of `anatomy run`: history, report, where things are, exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from anatomy.bench.cli.report_at_end import ReportAtEnd, report_at_end
from anatomy.bench.errors import exit_codes

if TYPE_CHECKING:
    from anatomy.bench.runner.measure_run import FinishedRun


def conclude(finished: Sequence[FinishedRun], *, report: bool, history: bool, silent: bool) -> None:
    """Keep the runs in the history, write their report, say what came of them and where it is, and exit by it."""
    for run in finished:
        if history and run.records:
            keep_in_history(run.path)
    recorded = sum(len(run.records) for run in finished)
    measured = sum(run.measured for run in finished)
    where = f"records in {', '.join(str(run.path) for run in finished)}"
    reported = ReportAtEnd()
    if report and any(run.records or run.profiles for run in finished):
        reported = report_at_end([run.path for run in finished])
    where += f", report in {reported.where}" if reported.where else ""
    if not silent:
        _say_answers([run.path for run in finished if run.records])
        print(f"{measured} measured, {recorded - measured} not; {where}")
    reported.tell()
    _exit(finished, measured, recorded)
    reported.exit()


def _say_answers(paths: Sequence[Path]) -> None:
    """What each run has found, of all its records: a resumed one has some from before."""
    from anatomy.bench.cli.screens.answer_screen import answer_lines
    from anatomy.bench.records.machine_look import busy_sentence, read_looks
    from anatomy.bench.records.run_store import load_run

    for path in paths:
        lines = answer_lines(load_run(path).records, busy_sentence(read_looks(path)))
        print("\n".join([path.name, *lines] if lines and len(paths) > 1 else lines), end="\n" if lines else "")


def _exit(finished: Sequence[FinishedRun], measured: int, recorded: int) -> None:
    stopped = [run for run in finished if run.interrupted or run.stopped]
    for run in stopped:
        typer.echo(f"interrupted; the rest: anatomy {_command(run)} --resume {run.path}", err=True)
    if any(run.interrupted for run in finished):
        raise typer.Exit(exit_codes.INTERRUPTED)
    if any(run.planned for run in finished) and not measured:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if recorded > measured or stopped:
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)


def _command(run: FinishedRun) -> str:
    from anatomy.bench.records.run_store import load_run

    return load_run(run.path).header.resumed_by


def keep_in_history(path: Path) -> None:
    """Put the run into the history; on failure, print why and carry on."""
    from anatomy.bench.history.keep_run import keep_run

    why_not = keep_run(path, Path.cwd())
    if why_not:
        typer.echo(why_not, err=True)
