"""All backends of each model and mode beside the fastest: a matrix of ratios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.case import BACKENDS
from anatomy.bench.records.sureness import Figure
from anatomy.bench.records.tuning import read_tuning
from anatomy.reports.answers.backend_race import Race, run_races
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Absence, Column, Table, build_table

_MODEL = (Column("model", "model"), Column("mode", "mode"), Column("precision", "products in"))


def race_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """A row for each race with two contenders or more, a column for each contender; no table where there is none."""
    found = [
        (item, race)
        for item in runs
        if read_tuning(item.run.path) is None
        for race in item.once(run_races)
        if len(race.contenders) > 1
    ]
    if not found:
        return ()
    entries = {entry.name: entry.record.case.backend for _, race in found for entry in race.contenders}
    names = sorted(entries, key=lambda name: (BACKENDS.index(entries[name]), name))
    columns = tuple(Column(name, name, kind="number", digits=3, missing="–") for name in names)
    table = build_table(
        with_run((*_MODEL, *columns), runs),
        found,
        _cells,
        _absence,
        figures=lambda row: _figures(row[1]),
        case=lambda row: (row[0].label, row[1].leader.record.key),
        key="races",
        title="Backends beside the fastest",
        caption="Throughput of each backend over that of the fastest, in each model and mode.",
        notes=(
            "1.00 is the fastest. Each backend at its fastest batch size of those tried, in one precision; rows whose "
            "first two are too close to tell are named in the table above.",
        ),
    )
    return (table,)


def _cells(row: tuple[LabelledRun, Race]) -> dict[str, Any]:
    item, race = row
    sound = [entry for entry in race.contenders if not entry.deviates or entry is race.leader]
    return {
        "run": item.label,
        "model": race.model,
        "mode": f"{race.mode}, {race.variant}" if race.variant else race.mode,
        "precision": race.precision,
        **{entry.name: entry.rate / race.leader.rate for entry in sound},
    }


def _absence(row: tuple[LabelledRun, Race], key: str) -> Absence | None:
    entry = next((entry for entry in row[1].contenders if entry.name == key), None)
    return Absence("deviates", "its outputs are not those of the other backends") if entry and entry.deviates else None


def _figures(race: Race) -> dict[str, Figure]:
    return {entry.name: entry.over(race.leader) for entry in race.contenders}
