"""What a part finds, on disk at once: a part that is ended leaves its figures behind."""

from __future__ import annotations

import time
from pathlib import Path

from anatomy.bench.records.jsonl import append_line
from tests.gpu.acceptance_result import Figure

FIGURES_FILE = "figures.jsonl"


class PartReport:
    """The folder of a part.

    Args:
        budget_s: seconds that the part has from now on.

    Attributes:
        folder: what is kept lies here.
        work: what is kept where the part fails alone, such as the records of runs.
    """

    def __init__(self, folder: Path, budget_s: float) -> None:
        self.folder, self.work = folder, folder / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self._end_s = time.perf_counter() + budget_s

    def left_s(self) -> float:
        """Seconds that are left of the budget."""
        return self._end_s - time.perf_counter()

    def add(self, *figures: Figure) -> None:
        """Append figures."""
        for figure in figures:
            append_line(self.folder / FIGURES_FILE, figure.model_dump_json())


def read_figures(folder: Path) -> list[Figure]:
    """The figures of a part; a last line that was cut short is left out."""
    path = folder / FIGURES_FILE
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [Figure.model_validate_json(line) for line in file if line.endswith(b"\n")]


def kept_files(folder: Path) -> list[str]:
    """What a part has left beside its figures, relative to the folder above it."""
    files = (path for path in folder.iterdir() if path.is_file() and path.name != FIGURES_FILE)
    return sorted(str(path.relative_to(folder.parent)) for path in files)
