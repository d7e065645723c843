"""The fastest backend of each model and mode, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.sureness import Figure, throughput
from anatomy.bench.records.tuning import read_tuning
from anatomy.reports.answers.answer_words import RULE, trust_word
from anatomy.reports.answers.backend_race import Race, run_races
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import spread_column

_COLUMNS = with_details(
    (
        Column("model", "model"),
        Column("mode", "mode"),
        Column("precision", "products in"),
        Column("fastest", "fastest"),
        Column("throughput_examples_per_s", "throughput", "examples/s", "number", missing="–"),
        spread_column("spread", "throughput_examples_per_s", "95 % interval", missing="no interval"),
        Column("batch_size", "batch", kind="number", whole=True),
        Column("next", "next", missing="none"),
        Column("ratio", "fastest / next", kind="number", missing="–", digits=3),
        Column("trust", "trust"),
        Column("settings", "unlike settings", missing="none"),
    ),
    "settings",
)


def answer_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """A row for each race of each run; no table where nothing was timed."""
    # `anatomy tune` has raced its best settings in several processes; the records are of single ones.
    found = [(item, race) for item in runs if read_tuning(item.run.path) is None for race in item.once(run_races)]
    if not found:
        return ()
    table = build_table(
        with_run(_COLUMNS, runs),
        found,
        _cells,
        case=lambda row: (row[0].label, row[1].leader.record.key),
        key="answers",
        title="Fastest backend of each model",
        caption="Each backend at its fastest batch size, beside the next one.",
        figures=lambda row: _figures(row[1]),
        notes=(RULE,),
    )
    return (table,)


def _figures(race: Race) -> dict[str, Figure]:
    return {
        "throughput_examples_per_s": throughput(race.leader.record),
        "ratio": race.leader.over(race.rivals[0]) if race.rivals else Figure(None),
    }


def _cells(row: tuple[LabelledRun, Race]) -> dict[str, Any]:
    item, race = row
    leader, following = race.leader, race.rivals[0] if race.rivals else None
    close = ", ".join([leader.name, *(other.name for other in race.close)])
    return {
        "run": item.label,
        "model": race.model,
        "mode": f"{race.mode}, {race.variant}" if race.variant else race.mode,
        "precision": race.precision,
        "fastest": f"too close: {close}" if race.close else leader.name,
        "throughput_examples_per_s": leader.rate,
        "spread": throughput(leader.record).spread,
        "batch_size": leader.record.case.batch_size,
        "next": following.name if following else None,
        "ratio": leader.rate / following.rate if following else None,
        "trust": trust_word(leader),
        "settings": "; ".join(race.unlike.values()) or None,
    }
