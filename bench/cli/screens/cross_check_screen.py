"""Prints the table of all counters: `anatomy inspect --cross-check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anatomy.bench.cross_check import CrossCheck, Row


def print_cross_check(name: str, found: CrossCheck) -> None:
    """A line for each counter, and below it the parts of its difference from Anatomy's figure."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("counter", box=None, pad_edge=False)
    table.add_column("FLOPs", justify="right", no_wrap=True)
    table.add_column("of Anatomy's", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in found.rows:
        for cells in _lines(row):
            table.add_row(*cells)
    console.print(f"{name}, forward, batch {found.batch}", style="bold", markup=False)
    console.print(table)


def _lines(row: Row) -> list[tuple[str, str, str, str]]:
    """The cells of one counter: its figure, the parts of the difference, what is left."""
    title = f"{row.counter} {row.version}".strip()
    if row.flops is None:
        return [(title, "–", "", row.reason)]
    lines = [(title, f"{row.flops:,}", _ratio(row), "; ".join(row.notes))]
    if row.expected_products is not None and row.products is not None:
        met = "as Anatomy expects" if row.products == row.expected_products else f"expected {row.expected_products:,}"
        lines.append(("  products", f"{row.products:,}", "", met))
    lines += [(f"  {term.cause}", f"{term.flops:+,}", _share(row, term.flops), term.detail) for term in row.terms]
    if row.unexplained is not None and not row.counter.startswith("Anatomy"):
        lines.append(
            ("  unexplained", f"{row.unexplained:+,}" if row.unexplained else "0", _share(row, row.unexplained), "")
        )
    return lines


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{100 * row.ratio:.2f} %"


def _share(row: Row, flops: int) -> str:
    share = row.share(flops)
    if share is None or not flops:
        return "" if share is None else "0 %"
    return "<0.01 %" if abs(share) < 0.5e-4 else f"{100 * share:+.2f} %"
