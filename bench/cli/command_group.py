"""The group of all commands: whatever ends one of them unforeseen becomes an exit code and a sentence."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

# Typer carries a copy of click since 0.24, and depends on click before; either way its own errors derive from this.
_SHOWN_BY_TYPER: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


class CommandGroup(TyperGroup):
    """Runs a command inside the edge of `anatomy.bench.errors.edge`."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names; errors are printed as one sentence on standard error."""
        try:
            return super().invoke(ctx)
        except (_SHOWN_BY_TYPER, typer.Exit, typer.Abort):
            raise
        except Exception as error:  # the boundary: an exit code is a verdict, never an accident
            from anatomy.bench.errors.edge import verdict_on

            code, sentence = verdict_on(error)
            typer.echo(f"anatomy {ctx.invoked_subcommand}: {sentence}", err=True)
            raise typer.Exit(code) from error
