"""Which rows of a long table a page shows, and in which file beside it the whole table is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import throughput
from anatomy.reports.answers.backend_race import run_races
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Table

# More rows than a reader goes through; filters and sorting stay quick.
MOST_ROWS = 100
# Of these, places that are kept for the fastest case of each model and mode, for figures that are known least, and for
# cases without a result; what one does not need goes to the fastest, and then to all others in their order.
_FASTEST, _WEAKEST, _FAILED = 50, 25, 25


class ShortTable(NamedTuple):
    """A table as a page shows it.

    Attributes:
        table: at most `MOST_ROWS` of the rows.
        rows: number of rows of the whole table.
    """

    table: Table
    rows: int

    @property
    def short(self) -> bool:
        """Whether rows were left out."""
        return self.rows > len(self.table.frame)


def short_table(table: Table, runs: Sequence[LabelledRun]) -> ShortTable:
    """Choose the rows of a table that a page shows, in the table's order; all of a table that is not long."""
    rows = len(table.frame)
    if rows <= MOST_ROWS:
        return ShortTable(table, rows)
    if not table.cases:
        return ShortTable(table.with_rows(range(MOST_ROWS)), rows)
    ranks = {(item.label, key): rank for item in runs for key, rank in item.once(_ranks).items()}
    last = len(ranks)
    by_rank = sorted(range(rows), key=lambda row: (ranks.get(table.cases[row], last), row))
    return ShortTable(table.with_rows(sorted(by_rank[:MOST_ROWS])), rows)


def shortened_sentence(short: ShortTable, file: str) -> str:
    """Say how many rows are shown, which, and where the others are.

    Args:
        file: name of the file with the whole table; empty where none was written.
    """
    rows = f"{len(short.table.frame):,} of {short.rows:,} rows are shown"
    which = (
        ": the fastest case of each model and mode, the figures that are known least, cases without a result, and"
        " others in their order, as far as there is room."
        if short.table.cases
        else ", the first ones."
    )
    if not file:
        return f"{rows}{which} anatomy report RUN --format csv writes all of them."
    read = "read_parquet" if file.endswith(".parquet") else "read_csv"
    return f'{rows}{which} All are in {file}, beside this page: pandas.{read}("{file}").'


def _ranks(item: LabelledRun) -> dict[str, int]:
    """Key of a case → its rank among those that a page should show."""
    leaders = [race.leader.record for race in item.once(run_races)]
    failed = [record for record in item.run.records if record.outcome != "ok"]
    weak = sorted((r for r in item.run.records if r.outcome == "ok"), key=_spread, reverse=True)
    chosen = chain(leaders[:_FASTEST], weak[:_WEAKEST], failed[:_FAILED], leaders, failed)
    return {key: rank for rank, key in enumerate(dict.fromkeys(record.key for record in chosen))}


def _spread(record: Record) -> float:
    return throughput(record).spread or 0.0
