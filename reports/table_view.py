"""A table as the page's template needs it: group headings, and rows of cells in parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from anatomy.reports.table import Column, Table, is_missing

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
        why: reason why there is no value.
        title: title of the link.
        signs: signs of the figure's caveats.
    """

    column: Column
    text: str
    absent: bool = False
    mark: str = ""
    address: str = ""
    sort: float | None = None
    why: str = ""
    title: str = ""
    signs: str = ""

    @property
    def long(self) -> bool:
        """Whether the cell's text may be broken into lines."""
        return self.column.kind not in ("number", "outcome") and len(self.text) > SHORT_TEXT

    @property
    def classes(self) -> str:
        """Names of the cell's CSS classes."""
        return " ".join(
            [self.column.kind] * (not self.absent or self.column.kind == "number")
            + ["absent"] * self.absent
            + ["long"] * self.long
        )


@dataclass(frozen=True)
class GroupHead:
    """A heading over `span` neighbouring columns; its name is empty over columns without a group."""

    name: str
    span: int


@dataclass(frozen=True)
class TableView:
    """A table, its group headings (none where no column has a group) and its rows in parts."""

    table: Table
    groups: tuple[GroupHead, ...]
    parts: tuple[tuple[tuple[Cell, ...], ...], ...]


def table_view(table: Table) -> TableView:
    """Make everything that the template prints of a table."""
    rows = [tuple(_cell(table, row, column) for column in table.columns) for row in range(len(table.frame))]
    return TableView(table, _group_heads(table.columns), _parts(table, rows))


def _group_heads(columns: Sequence[Column]) -> tuple[GroupHead, ...]:
    if not any(column.group for column in columns):
        return ()
    return tuple(GroupHead(name, len(list(group))) for name, group in groupby(columns, key=lambda c: c.group))


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
            signs=table.signs(row, column),
        )
    if column.kind == "mark":
        mark, rest = _split_mark(text)
        return Cell(column, rest, mark=mark, sort=len(mark))
    if column.kind == "citation":
        citation, address = _split_address(text)
        return Cell(column, citation, address=address)
    return Cell(column, text)


def _split_mark(text: str) -> tuple[str, str]:
    """Split `+++ build 7/7` into `+++` and the rest."""
    rest = text.lstrip("+")
    return text[: len(text) - len(rest)], rest.strip()


def _split_address(text: str) -> tuple[str, str]:
    """Split a citation from the address at its end, which is empty where there is none."""
    match = re.search(r",?\s*(https?://\S+)$", text)
    return (text[: match.start()], match.group(1)) if match else (text, "")
