"""A search on a terminal: a row for each setting that was tried, how the field narrows, and the answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anatomy.bench.cli.screens.progress_display import Display
from anatomy.bench.records.tuning import setting_text

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.records.record import Record
    from anatomy.bench.records.tuning import Tuning


class TuneDisplay(Display):
    """The rows of a run, and between them the parts of the search."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, None)
        self._round = 0

    def end(self, record: Record) -> None:
        """Print the row of a setting, without the model's name, which is the same in all."""
        super().end(record.model_copy(update={"name": setting_text(record.case)}))

    def stage(self, words: str) -> None:
        """Print which part of the search begins."""
        self._print(words, "bold")

    def narrowed(self, left: Sequence[str], dropped: Sequence[str]) -> None:
        """Print what a round of the race has left."""
        self._round += 1
        went = f"; dropped: {'; '.join(dropped)}" if dropped else ""
        self._print(f"round {self._round}: {len(left)} left{went}", "bold")


def print_answer(console: Console, tuning: Tuning, folder: Path) -> None:
    """Print the answer, the lines to paste, and the programs that show it."""
    from anatomy.reports.tuning_words import answer_sentences, change_lines, script_paths

    console.print()
    for number, sentence in enumerate(answer_sentences(tuning)):
        console.print(sentence, style="bold" if number == 0 else None, highlight=False, markup=False)
    if lines := change_lines(tuning):
        console.print("To change:", highlight=False)
        for line in lines:
            console.print(f"    {line}", highlight=False, markup=False)
    if paths := script_paths(tuning, folder):
        console.print(f"To check: python {' and python '.join(paths)}", highlight=False, markup=False, soft_wrap=True)
