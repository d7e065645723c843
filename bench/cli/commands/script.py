"""`anatomy script`: print the stand-alone program that reproduces a record's figure. Imports no framework."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli.newest_run import newest_run
from anatomy.bench.errors.anatomy_error import AnatomyError

if TYPE_CHECKING:
    from anatomy.bench.records.record import Record


def script(
    record: Annotated[
        list[str],
        typer.Argument(metavar="KEY", help="A record's key, its beginning, or words of its name: mlp train jax."),
    ],
    run: Annotated[
        Path | None, typer.Option(help="The run's folder. Default: the newest in anatomy-runs.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print key, name and program as one JSON object.")] = False,
) -> None:
    """Print a program that builds the same model and prints the same figure, without Anatomy."""
    import json as json_module

    from anatomy.bench.records.find_record import find_record
    from anatomy.bench.records.run_store import SCRIPTS_FOLDER, load_run
    from anatomy.bench.script.script_header import with_figure

    folder = run or newest_run()
    found = find_record(load_run(folder).records, " ".join(record))
    path = folder / SCRIPTS_FOLDER / f"{found.key}.py"
    if not path.exists():
        raise AnatomyError(f"{found.name} has no script: {_missing_script_reason(found)}")
    text = with_figure(path.read_text(), found)
    if json:
        print(json_module.dumps({"key": found.key, "name": found.name, "script": text}))
    else:
        print(text, end="")


def _missing_script_reason(record: Record) -> str:
    if "script" in record.not_measured:
        return record.not_measured["script"]
    if record.case.mode == "count":
        return "it was counted, not run"
    if record.outcome != "ok":
        return f"{record.outcome}: {record.reason}"
    return "the run was made by a version that wrote none; measure the case again"
