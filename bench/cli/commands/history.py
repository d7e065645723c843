"""`anatomy history`: what each case took, run by run, and since when it is slow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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

    from anatomy.bench.history.history_store import History
    from anatomy.bench.history.keep_run import branch_of, project_of, run_to_keep

    here = Path.cwd()
    with History(db) as history:
        for folder in runs:
            number = history.add(
                run_to_keep(folder), project or project_of(here), branch or branch_of(here, os.environ)
            )
            print(f"{folder}: {number} cases in {history.name}")


@app.command("runs")
def runs(db: Database = None, project: Project = None) -> None:
    """List the runs of a project."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from anatomy.bench.history.find_trends import require_project
    from anatomy.bench.history.history_store import History

    name = _name(project)
    with History(db) as history:
        require_project(history, name)
        table = Table(box=None, pad_edge=False)
        # Other commands take the id, which says when the run began: it is never cut.
        rows = history.runs(name)
        table.add_column("run", no_wrap=True, min_width=max((len(row["run_id"]) for row in rows), default=0))
        for head in ("commit", "branch", "machine", "suite", "cases"):
            table.add_column(head, no_wrap=True, overflow="ellipsis")
        for row in rows:
            commit = (row["commit_hash"] or "–")[:10] + ("+" if row["dirty"] else "")
            cells = (row["run_id"], commit, row["branch"] or "–", row["fingerprint"], row["suite"], str(row["cases"]))
            table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


@app.command("remove")
def remove(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Their ids, as in `anatomy history runs`.")],
    db: Database = None,
    project: Project = None,
) -> None:
    """Remove runs from the history; their folders stay."""
    from anatomy.bench.errors.anatomy_error import UsageError
    from anatomy.bench.history.find_trends import require_project
    from anatomy.bench.history.history_store import History
    from anatomy.models.suggestion import unknown_name

    name = _name(project)
    with History(db) as history:
        require_project(history, name)
        for run in runs:
            if not history.remove(name, run):
                known = [row["run_id"] for row in history.runs(name)]
                raise UsageError(unknown_name("run", run, known))
            print(f"{run}: removed from {history.name}")


@app.command("show")
def show(
    words: Words = None,
    figure: Figure = "step_s",
    db: Database = None,
    project: Project = None,
    branch: Branch = None,
    json: Annotated[bool, typer.Option("--json", help="Print the trends as a JSON list.")] = False,
) -> None:
    """Since when is this slow: each case's level now, and the commits between which it changed."""
    import json as json_module

    from anatomy.bench.history.find_trends import find_trends
    from anatomy.bench.history.history_store import History
    from anatomy.reports.history import trend_sentences, trend_to_dict

    with History(db) as history:
        trends = find_trends(history, _name(project), figure, words or [], branch)
    if json:
        print(json_module.dumps([trend_to_dict(trend) for trend in trends], indent=1))
        return
    for trend in trends:
        print(f"{trend.name} on {trend.points[-1].machine} ({trend.points[-1].fingerprint}), {len(trend.points)} runs")
        for line in trend_sentences(trend):
            print(f"  {line}")


@app.command("report")
def report(
    words: Words = None,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("history.html"),
    figure: Figure = "step_s",
    db: Database = None,
    project: Project = None,
    branch: Branch = None,
) -> None:
    """Write the trends as a page."""
    from anatomy.bench.history.find_trends import find_trends
    from anatomy.bench.history.history_store import History
    from anatomy.bench.records.whole_file import write_whole
    from anatomy.reports.history import render_history

    with History(db) as history:
        trends = find_trends(history, _name(project), figure, words or [], branch)
    write_whole(out, render_history(trends, _name(project)))
    print(out)


def _name(project: str | None) -> str:
    from anatomy.bench.history.keep_run import project_of

    return project or project_of(Path.cwd())
