"""Each row of a table in the documentation has as many cells as the table's heads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def tables(text: str) -> Iterator[list[str]]:
    """The lines of each table, outside fenced blocks."""
    rows: list[str] = []
    fenced = False
    for line in [*text.splitlines(), ""]:
        fenced ^= line.lstrip().startswith("```")
        if not fenced and line.lstrip().startswith("|"):
            rows.append(line.strip())
        elif rows:
            yield rows
            rows = []


def cells(row: str) -> int:
    """Number of cells; a bar with a backslash, or within code, is none of the table's."""
    return len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", row))) - 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_row_has_the_cells_of_its_head(page: Path) -> None:
    wrong = [row for rows in tables(page.read_text()) for row in rows if cells(row) != cells(rows[0])]
    assert wrong == []


def test_a_row_with_other_cells_is_found() -> None:
    (rows,) = tables("| a | b |\n|---|---|\n| `x|y` | 1 |\n| 1 | 2 | 3 |\n\n```\n| no table\n```\n")
    assert [cells(row) for row in rows] == [2, 2, 2, 3]
