"""`anatomy report`: write pages, Markdown or tables from the records of runs. Imports no framework."""

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
        typer.Option("--format", help="html, md, csv, xlsx, parquet; repeat, or separate by commas. Default: html."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: that of the first run.")] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="Folder for a whole site: the report, a page for each case, tables as CSV.", metavar="DIR"),
    ] = None,
    talk: Annotated[bool, typer.Option("--talk", help="Write the talk's tables alone, as talk.html.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the written files as one JSON list.")] = False,
) -> None:
    """Write a report of one run, or of several side by side."""
    import json as json_module

    from anatomy.bench.cli.newest_run import newest_run
    from anatomy.bench.errors.anatomy_error import UsageError
    from anatomy.reports import write_report

    if site and (out or format_ or talk):
        raise UsageError("--site writes a whole folder; expected it without --out, --format and --talk")
    default = ["talk"] if talk else ["html", "csv"] if site else ["html"]
    formats = [part.strip() for item in format_ or default for part in item.split(",") if part.strip()]
    formats += ["talk"] if talk and "talk" not in formats else []
    written = write_report(runs or [newest_run()], formats, site or out, pages=True if site else None)
    if json:
        print(json_module.dumps([str(path) for path in written]))
    else:
        print("\n".join(str(path) for path in written))
