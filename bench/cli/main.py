"""The command `anatomy`."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from anatomy.bench.cli.command_group import CommandGroup
from anatomy.bench.cli.commands.app import app as application
from anatomy.bench.cli.commands.bisect import bisect
from anatomy.bench.cli.commands.compare import compare
from anatomy.bench.cli.commands.compare_frameworks import compare_frameworks
from anatomy.bench.cli.commands.doctor import doctor
from anatomy.bench.cli.commands.explain import explain
from anatomy.bench.cli.commands.gate import gate
from anatomy.bench.cli.commands.history import app as history
from anatomy.bench.cli.commands.inspect import inspect
from anatomy.bench.cli.commands.list import list_
from anatomy.bench.cli.commands.profile import profile
from anatomy.bench.cli.commands.project import project
from anatomy.bench.cli.commands.report import report
from anatomy.bench.cli.commands.run import run
from anatomy.bench.cli.commands.script import script
from anatomy.bench.cli.commands.trace import trace
from anatomy.bench.cli.commands.tune import tune
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.stop_signals import stop_on_signals


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"anatomy {version('keras-anatomy')}")
        raise typer.Exit


app = typer.Typer(
    name="anatomy",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run)
app.command("list")(list_)
app.command("inspect")(inspect)
app.command("profile")(profile)
app.command("explain")(explain)
app.command("trace")(trace)
app.command("report")(report)
app.command("compare")(compare)
app.command("script")(script)
app.command("doctor")(doctor)
app.command("gate")(gate)
app.command("compare-frameworks")(compare_frameworks)
app.command("tune")(tune)
app.add_typer(history, name="history")
app.command("bisect")(bisect)
app.add_typer(application, name="app")
app.command("project")(project)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Benchmark and profile Keras 3 models: figures that can be checked."""


def main() -> None:
    """Run the command line; a Ctrl-C that reaches here, SIGTERM or SIGHUP ends without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name or a message that is no UTF-8 must not end a run.
            stream.reconfigure(errors="backslashreplace")
    stop_on_signals()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(exit_codes.INTERRUPTED)
