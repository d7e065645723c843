"""Every figure and setting of a case, from the rows that it has in the report's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anatomy.bench.records.case import LOOPS
from anatomy.bench.records.record import Record
from anatomy.reports.flops_utilisation import Peak
from anatomy.reports.run_labels import LabelledRun, with_records
from anatomy.reports.settings_differences import key_without_backend
from anatomy.reports.table import Table, is_missing
from anatomy.reports.tables import (
    agreement_table,
    case_table,
    input_tables,
    loop_table,
    phase_table,
    precision_tables,
    scaling_table,
    telemetry_table,
    trust_table,
    utilisation_table,
)
from anatomy.reports.tables.case_cells import CASE_COLUMNS

# The page's heading says these, and checks have their own section.
_KNOWN = {column.key for column in CASE_COLUMNS} | {"run", "outcome", "checks"}
_TITLES = {"cases": "Figures", "phases": "Phases and settings"}


@dataclass(frozen=True)
class Fact:
    """One cell: its column's heading, its text, and why there is no value or the figure is weak."""

    name: str
    text: str
    why: str = ""


@dataclass(frozen=True)
class FactGroup:
    """The facts of one row."""

    title: str
    facts: tuple[Fact, ...]


def fact_groups(item: LabelledRun, record: Record, peak: Peak | None) -> Iterator[FactGroup]:
    """The groups of a case that have a fact; what one has said is not said again."""
    said: set[Fact] = set()
    for table, row in _rows(item, record, peak):
        facts = tuple(fact for fact in _facts(table, row) if fact not in said)
        said.update(facts)
        if facts:
            yield FactGroup(_TITLES.get(table.key, table.title), facts)


def _rows(item: LabelledRun, record: Record, peak: Peak | None) -> Iterator[tuple[Table, int]]:
    """The rows of this case alone, with its table."""

    def beside(alike: Callable[[Record], bool]) -> tuple[LabelledRun]:
        """A run of this record and of those that its table sets beside it."""
        others = [other for other in item.run.records if other.key != record.key and alike(other)]
        return (with_records(item, [record, *others]),)

    case, alone = record.case, beside(lambda other: False)
    steps = beside(lambda other: _same_model(other, record) and other.case.mode not in LOOPS)
    devices = beside(lambda other: _same_model(other, record) and other.case.mode == case.mode)
    backends = beside(lambda other: key_without_backend(other) == key_without_backend(record))
    of_case = [case_table(alone, peak), trust_table(alone), phase_table(alone), utilisation_table(alone, peak)]
    of_case += [*input_tables(alone), telemetry_table(alone)]
    if case.mode in LOOPS:
        of_case.append(loop_table(steps))
    yield from ((table, row) for table in of_case for row in range(len(table.frame)))
    # The first record is this case's, and so is the row of its backend, number of devices and precision.
    for table, key, wanted in (
        (agreement_table(backends), "backend", case.backend),
        (scaling_table(devices), "devices", case.devices),
        *((table, "dtype", case.dtype) for table in precision_tables(beside(lambda o: _float32_of(o, record)))),
    ):
        found = [row for row in range(len(table.frame)) if table.value(row, key) == wanted]
        yield from ((table, row) for row in found[:1])


def _same_model(other: Record, record: Record) -> bool:
    """Whether two cases have one model on one backend in one precision, as rows of loops and of devices do."""
    fields = ("model", "options", "backend", "dtype", "jit")
    return all(getattr(other.case, name) == getattr(record.case, name) for name in fields)


def _float32_of(other: Record, record: Record) -> bool:
    return other.case.key == record.case.model_copy(update={"dtype": "float32"}).key


def _facts(table: Table, row: int) -> Iterator[Fact]:
    for column in table.columns:
        if column.key in _KNOWN:
            continue
        text = table.cell(row, column)
        weak = table.reasons(row, column)
        why = table.absence(row, column).reason if is_missing(table.value(row, column.key)) else weak
        if text == "–" and not why:
            continue
        unit = f" [{column.own_unit}]" if column.own_unit else ""
        group = f"{column.group}: " if column.group and column.group != "case" else ""
        yield Fact(f"{group}{column.head}{unit}", f"≈ {text}" if weak else text, why)
