"""A table of the report: a pandas frame with numbers kept as numbers, and how its columns are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import pandas as pd

from anatomy.reports.caveats import Mark, legend, signs

Kind = Literal["text", "number", "mark", "outcome", "citation"]

NOT_MEASURED = "not measured"
MEBI = 2**20
MOST_DECIMALS = 3


@dataclass(frozen=True)
class Column:
    """One column: a key of the frame and how it is shown.

    Attributes:
        key: column of the frame, with its unit where it has one (`step_median_s`).
        head: heading.
        unit: unit as shown, e.g. `ms`.
        kind: `number` is aligned right and sorted by value; `mark` is `+` … `+++` with an explanation;
            `citation` ends in the work's address.
        scale: shown value = stored value × scale.
        whole: an integer, or a year, shown without decimals.
        group: heading that neighbouring columns share.
        missing: what a cell without a value says, unless the table says otherwise for that cell.
    """

    key: str
    head: str
    unit: str = ""
    kind: Kind = "text"
    scale: float = 1.0
    whole: bool = False
    separators: bool = True
    group: str = ""
    missing: str = NOT_MEASURED

    @property
    def title(self) -> str:
        """Heading with its unit, in one line."""
        return f"{self.head} [{self.unit}]" if self.unit else self.head


class Absence(NamedTuple):
    """Why a cell has no value: a word or two for the cell, and the reason in full."""

    text: str
    reason: str = ""


class Link(NamedTuple):
    """Where a cell leads: an address relative to the report's folder, and what is there."""

    address: str
    title: str


@dataclass(frozen=True)
class Table:
    """A frame with its heading, columns and rules.

    Attributes:
        key: name of its file and anchor.
        frame: one row a row, one column for each of `columns`, base units (seconds, bytes).
        absent: (row, column key) → why there is no value, where more is known than "not measured".
        notes: the rules by which the table was made, printed under it.
        marks: (row, column key) → signs behind the figure; `footnotes` explains them.
        links: (row, column key) → where the figure leads.
        empty: the sentence that stands in for a table without rows.
        section: column key whose change of value starts a new part of the table.
    """

    key: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    absent: Mapping[tuple[int, str], Absence] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    empty: str = "No rows."
    section: str | None = None
    marks: Mapping[tuple[int, str], tuple[Mark, ...]] = field(default_factory=dict)
    links: Mapping[tuple[int, str], Link] = field(default_factory=dict)

    @property
    def footnotes(self) -> tuple[str, ...]:
        """The notes, and what the marks in this table mean."""
        explained = legend(mark for (row, key), marks in self.marks.items() if self._shown(row, key) for mark in marks)
        return (*self.notes, explained) if explained else self.notes

    def signs(self, row: int, column: Column) -> str:
        """The marks behind a figure; none where there is no figure."""
        return signs(self.marks.get((row, column.key), ())) if self._shown(row, column.key) else ""

    def link(self, row: int, column: Column) -> Link | None:
        """Where a figure leads."""
        return self.links.get((row, column.key)) if self._shown(row, column.key) else None

    def cell(self, row: int, column: Column) -> str:
        """The text of one cell."""
        value = self.value(row, column.key)
        if is_missing(value):
            return self.absence(row, column).text
        return format_number(value, column, self.decimals(column)) if column.kind == "number" else str(value)

    def absence(self, row: int, column: Column) -> Absence:
        """What a cell without a value says."""
        return self.absent.get((row, column.key), Absence(column.missing))

    def _shown(self, row: int, key: str) -> bool:
        return key in self.frame.columns and not is_missing(self.value(row, key))

    def value(self, row: int, key: str) -> Any:
        """What the frame holds there."""
        return self._values[key][row]

    def decimals(self, column: Column) -> int:
        """Decimals shared by a column, so that points align and its smallest value keeps three digits."""
        return self._decimals[column]

    # Once a table: taken cell by cell, a frame of thousands of layers takes minutes.
    @cached_property
    def _values(self) -> dict[str, list[Any]]:
        return {str(key): self.frame[key].tolist() for key in self.frame.columns}

    @cached_property
    def _decimals(self) -> dict[Column, int]:
        numbers = (column for column in self.columns if column.kind == "number")
        return {column: _decimals(self._values[column.key], column) for column in numbers}


def _decimals(values: list[Any], column: Column) -> int:
    shown = [abs(value) * column.scale for value in values if not is_missing(value) and value]
    if column.whole or not shown:
        return 0
    return min(MOST_DECIMALS, max(0, 2 - math.floor(math.log10(min(shown)))))


def make_frame(rows: list[dict[str, Any]], columns: tuple[Column, ...]) -> pd.DataFrame:
    """A frame with exactly these columns; numbers stay numbers, gaps become NA.

    Counts and bytes use pandas' nullable `Int64`, so that a gap does not turn them into floats.
    """
    frame = pd.DataFrame(rows, columns=[column.key for column in columns])
    for column in columns:
        if column.kind == "number":
            integer = column.whole or column.key.endswith("_bytes")
            frame[column.key] = frame[column.key].astype("Int64" if integer else "Float64")
        else:
            frame[column.key] = frame[column.key].astype("object")
    return frame


def is_missing(value: Any) -> bool:
    """Whether a cell holds no value; an infinite number is none either."""
    if value is None or value is pd.NA:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def format_number(value: Any, column: Column, decimals: int) -> str:
    """With thousands separators, in the column's unit."""
    shown = float(value) * column.scale
    if column.whole and column.scale == 1:
        return f"{int(value):,}" if column.separators else str(int(value))
    return f"{shown:,.{decimals}f}"
