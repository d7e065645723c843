"""The gate on a terminal: a line for each pair, then a table and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.regression_gate.gate_result import GateResult
    from anatomy.bench.regression_gate.paired_comparison import Listener

_STYLE = {"PASS": "green", "FAIL": "bold red", "ERROR": "red", "INCONCLUSIVE": "yellow", "NEW": "cyan"}


def progress_on(console: Console, quiet: bool = False) -> Listener:
    """A listener that prints a line at each planned look; on a terminal, one line that is overwritten at each pair."""
    from anatomy.bench.regression_gate.group_sequential import LOOKS

    def show(name: str, number: int) -> None:
        if quiet:
            return
        if console.is_terminal:
            console.print(f"\r\x1b[2K{name}: pair {number}", end="", highlight=False, markup=False, soft_wrap=True)
        elif number in LOOKS:
            console.print(f"{name}: {number} pairs", highlight=False, markup=False, soft_wrap=True)

    return show


def print_result(console: Console, result: GateResult, folder: Path) -> None:
    """Print a row per case, the reasons below, and the verdict."""
    from rich.table import Table
    from rich.text import Text

    from anatomy.reports.gate import GATE_HTML, explanation_sentences, gate_summary, gate_table, structure_sentence

    columns = ("verdict", "case", "base", "step time", "95 % interval", "pairs", "time")

    if console.is_terminal:
        console.print("\r\x1b[2K", end="")
    table = Table(box=None, pad_edge=False)
    header, rows = gate_table(result)
    for name in columns:
        table.add_column(name, no_wrap=name != "case", overflow="fold", justify="left" if name == "case" else "right")
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        table.add_row(*(Text(cells[name], style=_STYLE.get(cells[name], "")) for name in columns))
    console.print(table)
    for case in result.cases:
        if case.reason and case.verdict != "PASS":
            console.print(
                Text(f"{case.verdict} {case.name}: {case.reason}", style=_STYLE[case.verdict]), soft_wrap=True
            )
        if said := structure_sentence(case):
            # The line of a verdict other than PASS has named the case.
            console.print(Text(f"{case.name}: {said}" if case.verdict == "PASS" else f"  {said}"), soft_wrap=True)
        for said in explanation_sentences(case):
            console.print(Text(f"  {said}"), soft_wrap=True)
    for note in result.notes:
        console.print(note, highlight=False, soft_wrap=True)
    console.print(Text(gate_summary(result), style=_STYLE.get(result.verdict or "", "")), soft_wrap=True)
    console.print(f"{folder / GATE_HTML}", highlight=False, soft_wrap=True)
