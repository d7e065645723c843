"""The report of what a command has measured: where it cannot be written, the figures stay, and it can be made later."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from anatomy.bench.errors import exit_codes


class ReportAtEnd(NamedTuple):
    """The report of runs.

    Attributes:
        where: its path; empty where it could not be written.
        trouble: why it could not be written, and the command that makes it later; empty where it was.
    """

    where: str = ""
    trouble: str = ""

    def tell(self) -> None:
        """Print the trouble, if there is any."""
        if self.trouble:
            typer.echo(self.trouble, err=True)

    def exit(self) -> None:
        """Exit for the trouble, if there is any and nothing worse was found."""
        if self.trouble:
            raise typer.Exit(exit_codes.USAGE)


def report_at_end(paths: Sequence[Path]) -> ReportAtEnd:
    """Write the report of runs: into the folder of a single one, else into the folder that holds them."""
    from anatomy.reports import write_report

    try:
        (written,) = write_report(paths, out=paths[0] if len(paths) == 1 else paths[0].parent)
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        later = " ".join(shlex.quote(str(path)) for path in paths)
        return ReportAtEnd(trouble=f"the report could not be written: {why}; later: anatomy report {later}")
    return ReportAtEnd(where=str(written))
