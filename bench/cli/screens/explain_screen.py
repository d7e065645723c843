"""An explanation on a terminal: the difference, the layers that account for it, and the kinds of work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from anatomy.bench.profiling.explanation import Change, Explanation


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Two tables whose last row is their sum."""
    from anatomy.bench.profiling.explanation import headline

    console.print(headline(explanation), style="bold", soft_wrap=True, markup=False)
    console.print(_table("layer", explanation.layers, explanation))
    console.print()
    console.print(_table("kind of work", explanation.kinds, explanation))
    console.print()


def _table(title: str, changes: Sequence[Change], explanation: Explanation) -> Table:
    from rich.table import Table
    from rich.text import Text

    from anatomy.bench.profiling.explanation import large

    table = Table(box=None, pad_edge=False)
    table.add_column(title, overflow="fold")
    for name in ("before ms", "after ms", "change ms", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    shown = large(changes, explanation)
    rest = [change for change in changes if change not in shown]
    rows = [(one.name, one.before, one.after, "; ".join(one.notes)) for one in shown]
    if rest:
        rows.append((f"{len(rest)} others", sum(c.before for c in rest), sum(c.after for c in rest), ""))
    rows.append(("sum", sum(c.before for c in changes), sum(c.after for c in changes), ""))
    for name, before, after, notes in rows:
        share = f"{(after - before) / explanation.difference:+.0%}" if explanation.difference else ""
        cells = (name, f"{before * 1e3:.3f}", f"{after * 1e3:.3f}", f"{(after - before) * 1e3:+.3f}", share, notes)
        table.add_row(*map(Text, cells))
    return table
