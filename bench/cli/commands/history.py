"""`anatomy history`: what each case took, run by run, and since when it is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from anatomy.bench.history.history_store import History
    from anatomy.bench.history.trends import Trend

app = typer.Typer(help="Every run in one database: trends, and since when something is slow.", no_args_is_help=True)

Database = Annotated[
    str | None,
    typer.Option("--db", help="sqlite:///FILE or postgresql://USER@HOST/NAME. Default: $ANATOMY_HISTORY, or a file."),
]
Project = Annotated[str | None, typer.Option(help="Default: the name in pyproject.toml, or the repository's.")]
Words = Annotated[
    list[str] | None, typer.Argument(metavar="CASE", help="Words of its name, mlp train jax; all by default.")
]
Figure = Annotated[
    str,
    typer.Option(help="step_s, compile_s, peak_host_bytes, peak_device_bytes or throughput_examples_per_s."),
]
Branch = Annotated[str | None, typer.Option(help="Of this branch alone.")]


@app.command("add")
def add(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    db: Database = None,
    project: Project = None,
    branch: Annotated[str | None, typer.Option(help="Default: the one checked out, or the one CI names.")] = None,
) -> None:
    """Put runs into the history; one that is there already is replaced. New runs go there by themselves."""
    import os

    from anatomy.bench.history.keep_run import branch_of, project_of
    from anatomy.bench.records.run_store import load_run

    here = Path.cwd()
    with _opened(db) as history:
        for folder in runs:
            number = history.add(load_run(folder), project or project_of(here), branch or branch_of(here, os.environ))
            print(f"{folder}: {number} cases in {history.name}")


@app.command("runs")
def runs(db: Database = None, project: Project = None) -> None:
    """List the runs of a project."""
    from rich.console import Console
    from rich.table import Table

    with _opened(db) as history:
        name = _project(history, project)
        table = Table(box=None, pad_edge=False)
        for head in ("started", "commit", "branch", "machine", "suite", "cases"):
            table.add_column(head)
        for row in history.runs(name):
            commit = (row["commit_hash"] or "–")[:10] + ("+" if row["dirty"] else "")
            cells = (row["started_at"], commit, row["branch"] or "–", row["fingerprint"], row["suite"])
            table.add_row(*cells, str(row["cases"]))
    Console().print(table)


@app.command("show")
def show(
    words: Words = None,
    figure: Annotated[
        str, typer.Option(help="step_s, compile_s, peak_host_bytes, throughput_examples_per_s, …")
    ] = "step_s",
    db: Database = None,
    project: Project = None,
    branch: Branch = None,
    json: Annotated[bool, typer.Option("--json", help="Print the trends as a JSON list.")] = False,
) -> None:
    """Since when is this slow: each case's level now, and the commits between which it changed."""
    import json as json_module

    from anatomy.reports.history import trend_sentences, trend_to_dict

    with _opened(db) as history:
        trends = _trends(history, words or [], figure, project, branch)
    if json:
        print(json_module.dumps([trend_to_dict(trend) for trend in trends], indent=1))
        return
    for trend in trends:
        print(f"{trend.name} on {trend.points[-1].machine} ({trend.points[-1].fingerprint}), {len(trend.points)} runs")
        for line in trend_sentences(trend):
            print(f"  {line}")


@app.command("report")
def report(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="CASE", help="Words of its name; all by default.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("history.html"),
    figure: Annotated[
        str, typer.Option(help="step_s, compile_s, peak_host_bytes, throughput_examples_per_s, …")
    ] = "step_s",
    db: Database = None,
    project: Project = None,
    branch: Branch = None,
) -> None:
    """Write the trends as a page."""
    from anatomy.reports.history import render_history

    with _opened(db) as history:
        name = _project(history, project)
        trends = _trends(history, words or [], figure, name, branch)
    out.write_text(render_history(trends, name), encoding="utf-8")
    print(out)


@contextmanager
def _opened(url: str | None) -> Iterator[History]:
    from anatomy.bench.history.history_store import History

    with History(url) as history:
        yield history


def _project(history: History, given: str | None) -> str:
    from anatomy.bench.history.keep_run import project_of

    name = given or project_of(Path.cwd())
    known = history.projects()
    if name not in known:
        has = f"it has {', '.join(known)}" if known else "it is empty: runs go there when they end"
        raise UsageError(f"the history {history.name} has no project {name!r}; {has}")
    return name


def _trends(history: History, words: list[str], figure: str, project: str | None, branch: str | None) -> list[Trend]:
    from anatomy.bench.history.history_store import series_of_points
    from anatomy.bench.history.trends import FIGURES, trend

    known = next((name for name in FIGURES if name == figure), None)
    if known is None:
        raise UsageError(f"unknown figure {figure!r}; expected one of {', '.join(FIGURES)}")
    points = history.points(_project(history, project), branch)
    chosen = [point for point in points if set(" ".join(words).split()) <= {*point.name.split(), point.case_key}]
    trends = [found for group in series_of_points(chosen).values() if (found := trend(group, known)) is not None]
    if not trends:
        raise UsageError(f"no case {' '.join(words) or 'at all'} with {figure} in the history of this project")
    return trends
