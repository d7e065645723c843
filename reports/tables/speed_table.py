"""Relative speed of the backends by mode and kind of model, on the cases that all of them ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.case import Mode
from anatomy.bench.records.caveats import ALL_CAVEATS, Caveat
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import throughput
from anatomy.reports.answers.backend_race import precision_of
from anatomy.reports.model_labels import family_of
from anatomy.reports.number_words import some
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.settings_differences import (
    counted_differences,
    differing_settings,
    incomparable_models,
)
from anatomy.reports.speed import RelativeSpeed, measured_rows, relative_speed, row_throughputs
from anatomy.reports.table import Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.model_table import TIMED

ALL = "all"
KINDS = (ALL, "cnn", "rnn", "mlp")

RULE = (
    "Relative speed: geometric mean of throughputs over the cases that all compared backends ran (equal model, batch "
    "size, dtype, jit asked and devices), divided by that of the fastest backend, which has 1. Backends are compared "
    "where their products are computed in the same precision; one that is alone in its own, beside others, has no "
    "relative speed. A backend that ran no case of a mode takes no part in it."
)

_COLUMNS = with_details(
    (
        Column("mode", "mode"),
        Column("kind", "models"),
        Column("backend", "backend"),
        Column("precision", "products in", missing="–"),
        Column("relative_speed", "relative speed", "fastest = 1", "number", missing="not comparable", digits=3),
        Column("low", "from", kind="number", group="95 % over models", missing="–", digits=2),
        Column("high", "to", kind="number", group="95 % over models", missing="–", digits=2),
        Column("verdict", "verdict", missing="–"),
        Column("common_cases", "common cases", kind="number", whole=True),
        Column("measured", "cases measured", kind="number", whole=True),
        Column("tried", "cases tried", kind="number", whole=True),
        Column("unlike", "common cases with unlike settings", kind="number", whole=True),
        Column("settings", "unlike settings", missing="none"),
        Column("marked", "weak figures", kind="number", whole=True),
    ),
    "settings",
    "tried",
    "measured",
    "unlike",
)


def speed_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each run, mode, kind of model and backend that was tried."""
    rows = [
        {"run": item.label, "mode": mode, "kind": kind, "backend": backend, **figures}
        for item in runs
        for mode in TIMED
        for kind in KINDS
        for precision in item.once(tried_in, mode)
        for backend, figures in _figures(precision, item.once(compared, kind, mode, precision)).items()
    ]
    return build_table(
        with_run(_COLUMNS, runs),
        rows,
        dict,
        lambda row, key: Absence("not comparable", str(row["why"])) if key == "relative_speed" else None,
        caveats=lambda row: {"relative_speed": row["caveats"]},
        key="speeds",
        title="Relative speed of the backends",
        caption="How fast each backend was beside the fastest, on the cases that all of them ran.",
        notes=(
            RULE,
            "The interval says how far the mean depends on which models are in it: they differ more than any figure of "
            "theirs is uncertain. Too close: it holds 1, so that other models may turn the order round; a model's own "
            "answer is in the table of the fastest.",
            "Unlike settings: what differs between the backends of a common case, who has which, and in how many "
            "cases; such a mean compares configurations, not backends alone. Weak figures: of the cases measured on "
            "this backend, how many have a throughput marked ≈.",
            *left_out(runs),
        ),
        empty="No case was timed.",
    )


class Compared(NamedTuple):
    """The backends that compute in one precision beside one another, in one mode, on models of one kind.

    Attributes:
        tried: the cases.
        speeds: relative speeds.
        common: the cases that every backend with a figure ran, one record per backend in each.
        unlike: settings that differ, of the common cases where some do.
    """

    tried: list[Record]
    speeds: RelativeSpeed
    common: list[list[Record]]
    unlike: list[dict[str, str]]

    @property
    def why_none(self) -> str:
        """Why there are no relative speeds; empty where there are."""
        if self.speeds.speeds:
            return ""
        alone = len(self.speeds.taking_part) == 1
        return "no other backend was measured in this precision" if alone else "no case was run by all backends"

    def caveats(self, backend: str) -> tuple[Caveat, ...]:
        """Of a mean over so few cases that it has no interval: those of the throughputs that it is made of."""
        result = self.speeds
        if result.intervals or backend == result.fastest:
            return ()
        pair = (backend, result.fastest)
        figures = [throughput(record) for row in self.common for record in row if record.case.backend in pair]
        found = {caveat for figure in figures for caveat in figure.caveats}
        return tuple(caveat for caveat in ALL_CAVEATS if caveat in found)


def compared(item: LabelledRun, kind: str, mode: Mode, precision: str) -> Compared:
    """Compare the backends of a run whose products are computed in one precision."""
    tried = of_kind(item.once(tried_in, mode).get(precision, ()), kind)
    rows = {
        key: row
        for key, row in item.once(_measured_rows, mode, precision).items()
        if kind in (ALL, family_of(row[0].case.model))
    }
    backends = {record.case.backend for row in rows.values() for record in row}
    common = [row for row in rows.values() if len(row) == len(backends)]
    unlike = [found for row in common if (found := differing_settings(row))]
    speeds = relative_speed(row_throughputs(rows))
    if len(backends) == 1 and backends != _measured(item, mode):
        # Beside others that compute in another precision it is not the fastest.
        speeds = RelativeSpeed({}, 0, speeds.taking_part)
    return Compared(tried, speeds, common, unlike)


def _measured(item: LabelledRun, mode: Mode) -> set[str]:
    """The backends with a result in a mode, in any precision."""
    return {record.case.backend for record in item.run.records if record.case.mode == mode and record.outcome == "ok"}


def tried_in(item: LabelledRun, mode: Mode) -> dict[str, list[Record]]:
    """Precision of products → the cases of a mode.

    One without a result stands where its backend's others of the same dtype policy do, else under its policy.
    """
    tried = [record for record in item.run.records if record.case.mode == mode]
    seen = {(r.case.backend, r.case.dtype): precision_of(r) for r in tried if r.outcome == "ok"}
    found: dict[str, list[Record]] = {}
    for record in tried:
        own = precision_of(record)
        if record.outcome != "ok":
            own = seen.get((record.case.backend, record.case.dtype), own)
        found.setdefault(own, []).append(record)
    return found


def _measured_rows(item: LabelledRun, mode: Mode, precision: str) -> dict[Hashable, list[Record]]:
    return measured_rows(item.once(tried_in, mode).get(precision, ()), mode)


def of_kind(records: Iterable[Record], kind: str) -> list[Record]:
    """Return the records of models of one family of the zoo, or all of them."""
    return [record for record in records if kind == ALL or family_of(record.case.model) == kind]


def _figures(precision: str, found: Compared) -> dict[str, dict[str, Any]]:
    tried, result, unlike = found.tried, found.speeds, found.unlike
    measured = Counter(record.case.backend for record in tried if record.outcome == "ok")
    backends = Counter(record.case.backend for record in tried)
    marked = Counter(record.case.backend for record in tried if record.outcome == "ok" and throughput(record).weak)
    differences = Counter(text for one in unlike for text in one.values())
    return {
        backend: {
            "precision": precision,
            "caveats": found.caveats(backend),
            "why": found.why_none or "no case of this backend was measured",
            "relative_speed": result.speeds.get(backend),
            "low": result.intervals.get(backend, (None, None))[0],
            "high": result.intervals.get(backend, (None, None))[1],
            "verdict": result.verdict(backend),
            "common_cases": result.common,
            "measured": measured[backend],
            "tried": number,
            "unlike": len(unlike),
            "settings": counted_differences(differences) or None,
            "marked": marked[backend],
        }
        for backend, number in backends.items()
    }


def names_of(unlike: Iterable[dict[str, str]]) -> str:
    """The names of the settings that differ."""
    return ", ".join(dict.fromkeys(name for found in unlike for name in found))


def left_out(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """Return a note on the cases that are in no comparison, since the backends' models differ in size."""
    found = [text for item in runs for text in item.once(incomparable_models)]
    return (f"Left out, since the models are not the same: {some(found)}.",) if found else ()
