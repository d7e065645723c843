"""A table of the report: a pandas frame that keeps numbers as numbers, and how its columns are shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Literal, NamedTuple, TypeVar

import pandas as pd

from anatomy.bench.records.caveats import Caveat
from anatomy.bench.records.sureness import Figure, significant
from anatomy.reports.caveat_signs import caveat_legend, signs

Item = TypeVar("Item")
Fact = TypeVar("Fact")
Kind = Literal["text", "number", "mark", "outcome", "citation"]

NOT_MEASURED = "not measured"
MEBI = 2**20
MOST_DECIMALS = 3
MOST_DIGITS = 4


@dataclass(frozen=True)
class Column:
    """One column: a key of the frame and how it is shown.

    Attributes:
        key: name of the frame's column, with the unit of the stored values (`step_median_s`).
        head: heading.
        unit: unit of the shown values, e.g. `ms`.
        kind: `number` is aligned right and sorted by value; `mark` is `+` … `+++` with an explanation; `citation` ends
            in the address of the work.
        scale: shown value = stored value × scale.
        whole: integers, shown without decimals.
        separators: whether integers have thousands separators; years have none.
        group: heading that neighbouring columns share.
        missing: text of a cell without a value, unless the table has a reason for that cell.
        detail: whether the page shows it only where a reader asks for it.
        spread_of: key of the figures whose intervals this column has, as half their width over the figure; where ±
            would misplace an interval, its ends are shown, in the column's unit.
        digits: significant digits of each cell, of a figure with an interval at most; by default all cells of a column
            have as many decimals.
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
    detail: bool = False
    spread_of: str = ""
    digits: int = 0

    @property
    def title(self) -> str:
        """Heading and unit: `step median [ms]`."""
        return f"{self.head} [{self.unit}]" if self.unit else self.head

    @property
    def own_unit(self) -> str:
        """The unit, where the group's heading does not say it already."""
        return "" if self.unit in re.split(r"[\s\[\]]+", self.group) else self.unit


class Absence(NamedTuple):
    """Why a cell has no value: a word or two for the cell, and the whole reason."""

    text: str
    reason: str = ""


class Link(NamedTuple):
    """The target of a cell's link: an address relative to the report's folder, and a title."""

    address: str
    title: str


class RowFacts(Mapping[tuple[int, str], Fact]):
    """(row, column key) → a fact of the cell, found out row by row when it is asked for: a page shows few rows."""

    def __init__(self, rows: int, facts: Callable[[int], Mapping[str, Fact]]) -> None:
        """Keep how to find the facts.

        Args:
            rows: number of rows.
            facts: number of a row → column key → fact.
        """
        self._rows = rows
        self._facts = cache(facts)

    def __getitem__(self, cell: tuple[int, str]) -> Fact:
        row, key = cell
        if not 0 <= row < self._rows:
            raise KeyError(cell)
        return self._facts(row)[key]

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return ((row, key) for row in range(self._rows) for key in self._facts(row))

    def __len__(self) -> int:
        return sum(len(self._facts(row)) for row in range(self._rows))


@dataclass(frozen=True)
class Table:
    """A frame with its heading, columns and notes.

    Attributes:
        key: name of the CSV file and of the anchor on the page.
        frame: one column for each of `columns`, in base units (seconds, bytes).
        absent: (row, column key) → why there is no value, where more is known than the column's `missing`.
        notes: how the table was made, printed below it.
        caveats: (row, column key) → caveats of the figure; `footnotes` explains their signs.
        figures: (row, column key) → the figure with its interval, which its digits follow.
        links: (row, column key) → target of the figure's link.
        empty: sentence that is printed instead of a table without rows.
        section: key of the column whose change of value starts a new part of the table.
        cases: label of the run and key of the case that each row is about; empty where rows are about no single case.
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
    caveats: Mapping[tuple[int, str], tuple[Caveat, ...]] = field(default_factory=dict)
    figures: Mapping[tuple[int, str], Figure] = field(default_factory=dict)
    links: Mapping[tuple[int, str], Link] = field(default_factory=dict)
    cases: Sequence[tuple[str, str]] = ()

    def with_rows(self, rows: Sequence[int]) -> Table:
        """Return the table with these of its rows alone."""

        def moved(facts: Mapping[tuple[int, str], Fact]) -> dict[tuple[int, str], Fact]:
            return {
                (number, column.key): facts[row, column.key]
                for number, row in enumerate(rows)
                for column in self.columns
                if (row, column.key) in facts
            }

        return replace(
            self,
            frame=self.frame.iloc[list(rows)].reset_index(drop=True),
            absent=moved(self.absent),
            caveats=moved(self.caveats),
            figures=moved(self.figures),
            links=moved(self.links),
            cases=[self.cases[row] for row in rows] if self.cases else (),
        )

    @property
    def footnotes(self) -> tuple[str, ...]:
        """The notes, and what the signs of the caveats in this table mean."""
        shown = (caveats for (row, key), caveats in self.caveats.items() if self._shown(row, key))
        explained = caveat_legend(caveat for caveats in shown for caveat in caveats)
        return (*self.notes, explained) if explained else self.notes

    def signs(self, row: int, column: Column) -> str:
        """Return the signs of a figure's caveats; empty where there is no figure."""
        return signs(self._caveats_of(row, column.key))

    def reasons(self, row: int, column: Column) -> str:
        """Return what the caveats of a figure mean; empty where there is no figure, or none to mind."""
        return "; ".join(caveat.meaning for caveat in self._caveats_of(row, column.key))

    def _caveats_of(self, row: int, key: str) -> tuple[Caveat, ...]:
        return self.caveats.get((row, key), ()) if self._shown(row, key) else ()

    def link(self, row: int, column: Column) -> Link | None:
        """Return the link of a figure; `None` where there is no figure or no link."""
        return self.links.get((row, column.key)) if self._shown(row, column.key) else None

    def cell(self, row: int, column: Column) -> str:
        """Return the text of one cell."""
        value = self.value(row, column.key)
        if is_missing(value):
            return self.absence(row, column).text
        if column.kind != "number":
            return str(value)
        if figure := self.figures.get((row, column.key)):
            return figure.number(column.scale, most=column.digits or MOST_DIGITS)
        if column.spread_of and (figure := self.figures.get((row, column.spread_of))):
            return figure.uncertainty(column.scale, compact=True)
        if column.digits:
            return significant(float(value) * column.scale, column.digits)
        return format_number(value, column, self.decimals(column))

    def absence(self, row: int, column: Column) -> Absence:
        """Return what a cell without a value says."""
        return self.absent.get((row, column.key), Absence(column.missing))

    def _shown(self, row: int, key: str) -> bool:
        return key in self.frame.columns and not is_missing(self.value(row, key))

    def value(self, row: int, key: str) -> Any:
        """Return the stored value, in base units."""
        return self._values[key][row]

    def decimals(self, column: Column) -> int:
        """Return the decimals of a whole column: points align, and its smallest value keeps three digits."""
        return self._decimals[column]

    # Lists, made once: cell by cell, a frame of thousands of layers takes minutes.
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


def with_details(columns: Sequence[Column], *keys: str) -> tuple[Column, ...]:
    """Return the columns, those of `keys` as details."""
    assert set(keys) <= {column.key for column in columns}, keys
    return tuple(replace(column, detail=True) if column.key in keys else column for column in columns)


def build_table(
    columns: tuple[Column, ...],
    items: Sequence[Item],
    cells: Callable[[Item], dict[str, Any]],
    absence: Callable[[Item, str], Absence | None] = lambda item, key: None,
    caveats: Callable[[Item], Mapping[str, tuple[Caveat, ...]]] = lambda item: {},
    figures: Callable[[Item], Mapping[str, Figure]] = lambda item: {},
    case: Callable[[Item], tuple[str, str]] | None = None,
    **texts: Any,
) -> Table:
    """Build a table with one row per item.

    Args:
        columns: columns of the table.
        items: what the rows are made of.
        cells: values of a row by column key, in base units; keys that are no columns are ignored.
        absence: why the cell of an item and a column key has no value, where more is known than `Column.missing`.
        caveats: caveats of a row's cells by column key, beside those of `figures`.
        figures: a row's figures with their intervals and caveats by column key.
        case: label of the run and key of the case that a row is about; `None` where rows are about no single case.
        texts: the other fields of `Table`.
    """
    return Table(
        columns=columns,
        frame=make_frame(map(cells, items), columns),
        absent=RowFacts(len(items), lambda row: _reasons(columns, items[row], absence)),
        caveats=RowFacts(len(items), lambda row: _caveats(figures(items[row]), caveats(items[row]))),
        figures=RowFacts(len(items), lambda row: figures(items[row])),
        cases=[] if case is None else list(map(case, items)),
        **texts,
    )


def _caveats(
    figures: Mapping[str, Figure], others: Mapping[str, tuple[Caveat, ...]]
) -> Mapping[str, tuple[Caveat, ...]]:
    return {**{key: figure.caveats for key, figure in figures.items()}, **others}


def _reasons(
    columns: Sequence[Column], item: Item, absence: Callable[[Item, str], Absence | None]
) -> dict[str, Absence]:
    return {column.key: why for column in columns if (why := absence(item, column.key)) is not None}


def make_frame(rows: Iterable[dict[str, Any]], columns: tuple[Column, ...]) -> pd.DataFrame:
    """Make a frame with exactly these columns; numbers stay numbers, gaps become NA.

    Counts and bytes use pandas' nullable `Int64`: a gap does not turn them into floats.
    """
    held: dict[str, list[Any]] = {column.key: [] for column in columns}
    for row in rows:
        for key, values in held.items():
            values.append(row.get(key))
    # Column by column, so that no values are held twice for long.
    return pd.DataFrame({column.key: pd.Series(held.pop(column.key)).astype(_dtype(column)) for column in columns})


def _dtype(column: Column) -> Literal["object", "Int64", "Float64"]:
    if column.kind != "number":
        return "object"
    return "Int64" if column.whole or column.key.endswith("_bytes") else "Float64"


def is_missing(value: Any) -> bool:
    """Return whether a cell holds no value; an infinite number counts as none."""
    if value is None or value is pd.NA:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def format_number(value: Any, column: Column, decimals: int) -> str:
    """Format a number in its column's unit, with thousands separators."""
    shown = float(value) * column.scale
    if column.whole and column.scale == 1:
        return f"{int(value):,}" if column.separators else str(int(value))
    return f"{shown:,.{decimals}f}"
