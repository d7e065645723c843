"""A table as the page's template needs it: group headings, and rows of cells in parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from anatomy.reports.number_words import plural
from anatomy.reports.table import Column, Table, is_missing

WEAK_NOTE = "≈: a figure that should not be taken at face value; ▸ at the beginning of its row says why."
# Settings that tell one case from another.
_OF_CASES = ("dtype", "jit", "devices", "nodes", "model_parallel", "scaling", "feed")
# Cells with longer text may be broken into lines.
SHORT_TEXT = 24


@dataclass(frozen=True)
class Cell:
    """One cell of the page.

    Attributes:
        text: text without its mark.
        absent: whether there is no value.
        mark: `+` … `+++`, or empty.
        address: target of a link, or empty.
        sort: value to sort by; `None` to sort by the text.
        why: reason why there is no value, or why the figure is weak.
        title: title of the link.
        weak: whether the figure should not be taken at face value.
    """

    column: Column
    text: str
    absent: bool = False
    mark: str = ""
    address: str = ""
    sort: float | None = None
    why: str = ""
    title: str = ""
    weak: bool = False

    @property
    def long(self) -> bool:
        """Whether the cell's text may be broken into lines."""
        return self.column.kind not in ("number", "outcome") and len(self.text) > SHORT_TEXT

    @property
    def classes(self) -> str:
        """Names of the cell's CSS classes."""
        # Thousands of cells are text, which needs none.
        named = self.column.kind != "text" and (not self.absent or self.column.kind == "number")
        return " ".join(
            [self.column.kind] * named + ["absent"] * self.absent + ["long"] * self.long + ["d"] * self.column.detail
        )


@dataclass(frozen=True)
class GroupHead:
    """A heading over `span` neighbouring columns; its name is empty over columns without a group.

    Attributes:
        detail: whether these columns are details.
    """

    name: str
    span: int
    detail: bool


@dataclass(frozen=True)
class TableView:
    """A table as shown.

    Attributes:
        groups: headings of groups; none where no column has a group.
        parts: the rows in parts.
        total: number of rows of the whole table.
        shortened: which rows are shown and where the others are; empty where all are shown.
    """

    table: Table
    columns: tuple[Column, ...]
    groups: tuple[GroupHead, ...]
    parts: tuple[tuple[tuple[Cell, ...], ...], ...]
    total: int
    shortened: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes below the table; one sign stands for all caveats, and each row says its own."""
        weak = any(cell.weak for part in self.parts for row in part for cell in row)
        explained = any("≈:" in note for note in self.table.notes)
        return (*self.table.notes, WEAK_NOTE) if weak and not explained else self.table.notes

    @property
    def rows(self) -> str:
        """The number of rows, in words."""
        shown = len(self.table.frame)
        return f"{shown:,} of {plural(self.total, 'row')}" if shown < self.total else plural(shown, "row")


def table_view(table: Table, total: int | None = None, shortened: str = "") -> TableView:
    """Make everything that the template prints of a table.

    Args:
        total: number of rows of the whole table, where not all are in this one.
        shortened: where the others are.
    """
    columns = _details_last([_shown_if_varied(table, column) for column in table.columns])
    rows = [tuple(_cell(table, row, column) for column in columns) for row in range(len(table.frame))]
    total = len(rows) if total is None else total
    return TableView(table, columns, _group_heads(columns), _parts(table, rows), total, shortened)


def _shown_if_varied(table: Table, column: Column) -> Column:
    """What tells cases apart is shown where they differ in it."""
    varied = column.detail and column.key in _OF_CASES and table.frame[column.key].nunique(dropna=False) > 1
    return replace(column, detail=False) if varied else column


def _details_last(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Within each group the details behind the others, which then have one heading."""
    groups = groupby(columns, key=lambda column: column.group)
    return tuple(column for _, group in groups for column in sorted(group, key=lambda one: one.detail))


def _group_heads(columns: Sequence[Column]) -> tuple[GroupHead, ...]:
    if not any(column.group for column in columns):
        return ()
    alike = groupby(columns, key=lambda column: (column.group, column.detail))
    return tuple(GroupHead(name, len(list(group)), detail) for (name, detail), group in alike)


def _parts(table: Table, rows: Sequence[tuple[Cell, ...]]) -> tuple[tuple[tuple[Cell, ...], ...], ...]:
    if table.section is None:
        return (tuple(rows),)
    sections = zip(table.frame[table.section], rows, strict=True)
    return tuple(tuple(row for _, row in part) for _, part in groupby(sections, key=lambda pair: pair[0]))


def _cell(table: Table, row: int, column: Column) -> Cell:
    value = table.value(row, column.key)
    text = table.cell(row, column)
    if is_missing(value):
        return Cell(column, text, absent=True, why=table.absence(row, column).reason)
    if column.kind == "number":
        link = table.link(row, column)
        return Cell(
            column,
            text,
            sort=float(value),
            address=link.address if link else "",
            title=link.title if link else "",
            weak=bool(reasons := table.reasons(row, column)),
            why=reasons,
        )
    if column.kind == "mark":
        mark, rest = _split_mark(text)
        return Cell(column, rest, mark=mark, sort=len(mark))
    if column.kind == "citation":
        citation, address = _split_address(text)
        return Cell(column, citation, address=address)
    link = table.link(row, column)
    return Cell(column, text, address=link.address if link else "", title=link.title if link else "")


def _split_mark(text: str) -> tuple[str, str]:
    """Split `+++ build 7/7` into `+++` and the rest."""
    rest = text.lstrip("+")
    return text[: len(text) - len(rest)], rest.strip()


def _split_address(text: str) -> tuple[str, str]:
    """Split a citation from the address at its end, which is empty where there is none."""
    match = re.search(r",?\s*(https?://\S+)$", text)
    return (text[: match.start()], match.group(1)) if match else (text, "")
