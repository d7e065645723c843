"""`anatomy compare`: what changed between two runs. Imports no framework."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    a: Annotated[Path, typer.Argument(help="Folder of the run before.")],
    b: Annotated[Path, typer.Argument(help="Folder of the run after.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for a pull request.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Every case as one JSON list.")] = False,
) -> None:
    """Compare two runs of one machine case by case; `gate` decides about a change of code."""
    from anatomy.bench.records.run_store import load_run
    from anatomy.reports.difference_words import difference_lines, difference_markdown
    from anatomy.reports.run_difference import compare_runs

    frame = compare_runs(load_run(a), load_run(b))
    before, after = a.resolve(), b.resolve()
    names = (before.name, after.name) if before.name != after.name else (str(a), str(b))
    if json:
        print(frame.reset_index().to_json(orient="records"))
    elif markdown:
        print(difference_markdown(frame, names), end="")
    else:
        print("\n".join(difference_lines(frame, names)))
