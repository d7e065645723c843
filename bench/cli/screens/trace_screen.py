"""A GPU's trace on a terminal: sentences and tables for each device."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anatomy.bench.errors.printable import without_middle
from anatomy.bench.gpu_trace.trace_summary import TraceSummary
from anatomy.reports.gpu_traces import TraceTable, device_sentences, device_tables, title_of

MOST_STEPS = 20
_BAR_CELLS = 30
_BETWEEN_COLUMNS = 2
# Cells of a name on a terminal too narrow for the table.
_LEAST_NAME = 8
# Where a head of a column may be broken: a space, a hyphen, a soft hyphen.
_BREAKS = re.compile("[ \u00ad-]")


def print_trace(console: Console, trace: TraceSummary, top: int) -> None:
    """Everything that a trace says, for people.

    Args:
        top: rows of kernels, operations and layers.
    """
    console.print(Text(f"{trace.file} ({trace.source})", style="bold"), soft_wrap=True)
    for note in trace.notes:
        console.print(Text(note), soft_wrap=True)
    for device in trace.devices:
        console.print()
        console.print(Text(title_of(trace, device), style="bold"))
        for sentence in device_sentences(device):
            console.print(Text(sentence))
        for table in device_tables(device, top, MOST_STEPS):
            console.print()
            console.print(_shown(table, console.width))


def _shown(table: TraceTable, width: int) -> Table:
    """A table; that of the parts has their shares as bars, too, which need no colour."""
    heads = [_BREAKS.sub(lambda found: found[0].replace("\u00ad", "-").strip() + "\n", head) for head in table.heads]
    shown = Table(box=None, pad_edge=False, title=Text(table.title), title_justify="left", title_style="bold")
    for head, kind in zip(heads, table.kinds, strict=True):
        shown.add_column(head, justify="right" if kind == "number" else "left", no_wrap=True, vertical="bottom")
    is_parts = table.key == "parts"
    if is_parts:
        shown.add_column("", width=_BAR_CELLS)
    room = width - sum(_BETWEEN_COLUMNS + _width(table, heads, column) for column in range(1, len(heads)))
    for number, row in enumerate(table.rows):
        bar = (
            [Bar(1.0, 0.0, float(row[-1].value), width=_BAR_CELLS)] if is_parts and number < len(table.rows) - 1 else []
        )
        shown.add_row(
            Text(without_middle(row[0].text, max(room, _LEAST_NAME))), *(Text(cell.text) for cell in row[1:]), *bar
        )
    return shown


def _width(table: TraceTable, heads: Sequence[str], column: int) -> int:
    return max(len(text) for text in (*heads[column].split("\n"), *(row[column].text for row in table.rows)))
