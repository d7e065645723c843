"""Prints the table of all counters: `anatomy inspect --cross-check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anatomy.bench.cross_check import CrossCheck


def print_cross_check(name: str, found: CrossCheck) -> None:
    """Print a line per counter: its figure, its share of Anatomy's, and why the two differ."""
    from rich.console import Console
    from rich.table import Table

    # Remedies have brackets, which are no markup: keras-anatomy[jax].
    console = Console(highlight=False, markup=False)
    table = Table("counter", box=None, pad_edge=False)
    table.add_column("FLOPs", justify="right", no_wrap=True)
    table.add_column("of Anatomy's", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in found.rows:
        flops = "–" if row.flops is None else f"{row.flops:,}"
        share = "" if row.ratio is None else f"{100 * row.ratio:.2f} %"
        table.add_row(f"{row.counter} {row.version}".strip(), flops, share, row.note)
    console.print(f"{name}, forward, batch {found.batch}", style="bold")
    console.print(table)
