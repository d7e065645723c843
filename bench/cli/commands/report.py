"""`anatomy report`: write HTML, Markdown or CSV from the records of runs. Imports no framework."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of runs, e.g. anatomy-runs/2026-01-31T12-00-00Z. Default: the newest one."),
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("--format", help="html, md, csv; repeat, or separate by commas. Default: html."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: that of the first run.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the written files as one JSON list.")] = False,
) -> None:
    """Write a report of one run, or of several side by side."""
    import json as json_module

    from anatomy.bench.cli.newest_run import newest_run
    from anatomy.reports import write_report

    formats = [part.strip() for item in format_ or ["html"] for part in item.split(",") if part.strip()]
    written = write_report(runs or [newest_run()], formats, out)
    if json:
        print(json_module.dumps([str(path) for path in written]))
    else:
        print("\n".join(str(path) for path in written))
