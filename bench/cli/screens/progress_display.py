"""What `anatomy run` shows: a progress bar on a terminal, and a row for each case as it ends.

Nothing is drawn by a timer: a redraw costs milliseconds of CPU, and the worker that is being timed
may need every core. The bar moves when a phase changes and rests during the measured window.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from anatomy.bench.errors.printable import without_middle
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import rate_text

_MEBIBYTE = 2**20

# Head, width, the cell, and whether it is left out on a narrow terminal.
_COLUMNS: tuple[tuple[str, int, Callable[[Record, float], str], bool], ...] = (
    ("examples/s", 15, lambda r, _: rate_text(r, narrow=True), False),
    ("median ms", 10, lambda r, _: _number(r.step_median_s, 1e3, 2), False),
    ("p90 ms", 10, lambda r, _: _number(r.step_p90_s, 1e3, 2), True),
    ("peak MiB", 8, lambda r, _: _number(r.peak_host_above_base_bytes, 1 / _MEBIBYTE, 0), False),
    ("compile s", 9, lambda r, _: _number(r.phases.compile_s, 1, 2), True),
    ("total s", 7, lambda r, seconds: f"{seconds:.1f}", True),
)
_WIDE = 110
_NAME_WIDTHS = (24, 72)


class Display:
    """A listener of a session that prints to `console`; the bar only shows on a terminal.

    With `quiet` neither rows nor bar are shown, with `bar` the bar alone. `total` is null where nobody knows it.
    """

    def __init__(self, console: Console, total: int | None, quiet: bool = False, bar: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._started_s = time.perf_counter()
        self._case_started_s = self._started_s
        self._done = 0
        self._total = total
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=(quiet and not bar) or not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=total, left="")
        self._name = ""
        self._columns = [c for c in _COLUMNS if console.width >= _WIDE or not c[3]]

    def __enter__(self) -> Self:
        if not self._quiet:
            self._print(self._row("case", [head for head, *_ in self._columns]), "bold")
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, case: Case, name: str) -> None:
        """Show which case starts."""
        self._name = name
        self._case_started_s = time.perf_counter()
        self._show("start")

    def phase(self, name: str) -> None:
        """Show the phase; the last redraw before the window is that of `warmup`."""
        self._show("measure" if name == "warmup" else name)

    def end(self, record: Record) -> None:
        """Print the case's row."""
        self._done += 1
        if not self._quiet:
            seconds = time.perf_counter() - self._case_started_s
            failed = record.outcome != "ok"
            if record.counts is not None and record.case.mode == "count":
                counts = record.counts
                least = "at least " if counts.uncounted else ""
                self._print(f"{record.name}: {counts.parameters:,} parameters, {least}{counts.macs:,} MACs", None)
            else:
                cells = [cell(record, seconds) for _, _, cell, _ in self._columns]
                self._print(self._row(record.name, cells), "red" if failed else None)
            if failed:
                self._print(f"    {record.outcome}: {record.reason}", "red")
        self._progress.update(self._task, completed=self._done)
        self._show("done")

    def _show(self, phase: str) -> None:
        self._progress.update(self._task, description=f"{self._name} · {phase}", left=self._time_left())
        self._progress.refresh()

    def _time_left(self) -> str:
        if self._done == 0 or self._total is None:
            return ""
        seconds = (time.perf_counter() - self._started_s) / self._done * (self._total - self._done)
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _row(self, name: str, cells: Sequence[str]) -> str:
        widths = [width for _, width, _, _ in self._columns]
        least, most = _NAME_WIDTHS
        room = max(least, min(most, self._console.width - sum(widths) - len(widths)))
        # The end of a long name says mode and backend.
        return f"{without_middle(name, room):<{room}} " + " ".join(
            f"{c:>{w}}" for c, w in zip(cells, widths, strict=True)
        )

    def _print(self, line: str, style: str | None) -> None:
        self._console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _number(value: float | None, scale: float, decimals: int) -> str:
    return "–" if value is None else f"{value * scale:,.{decimals}f}"
