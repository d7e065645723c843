"""`anatomy explain`: which layers and kinds of work account for the difference between two profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli.newest_run import newest_run

if TYPE_CHECKING:
    from anatomy.bench.profiling.explanation import Explanation


def explain(
    before: Annotated[
        str, typer.Argument(metavar="A", help="A run's folder, or a profile in --run: its key or words of its name.")
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    run: Annotated[
        Path | None,
        typer.Option(help="Where A and B are looked up. Default: the newest in anatomy-runs.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the explanations as one JSON list.")] = False,
) -> None:
    """Say what made B slower or faster than A, layer by layer; needs profiles (`anatomy profile`, `run --profile`)."""
    import json as json_module

    from anatomy.bench.cli.screens.explain_screen import print_explanation
    from anatomy.bench.profiling.select_profiles import explain_selected

    found = explain_selected(before, after, run or newest_run)
    for line in found.skipped:
        typer.echo(f"anatomy explain: {line}", err=True)
    if json:
        print(json_module.dumps([_plain(explanation) for explanation in found.explanations], indent=1))
        return
    from rich.console import Console

    console = Console(highlight=False)
    for explanation in found.explanations:
        print_explanation(console, explanation)


def _plain(explanation: Explanation) -> dict[str, object]:
    return explanation.model_dump() | {"difference": explanation.difference}
