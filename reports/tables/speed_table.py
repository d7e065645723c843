"""Relative speed of the backends by mode and kind of model, on the cases that all of them ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anatomy.bench.records.caveats import caveats_of
from anatomy.bench.records.record import Record
from anatomy.reports.model_labels import family_of
from anatomy.reports.number_words import some
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.settings_differences import (
    comparable_records,
    count_differences,
    differing_settings,
    incomparable_cases,
)
from anatomy.reports.speed import RelativeSpeed, relative_speed, throughputs
from anatomy.reports.table import Column, Table, build_table, with_details
from anatomy.reports.tables.model_table import TIMED

ALL = "all"
KINDS = (ALL, "cnn", "rnn", "mlp")

RULE = (
    "Relative speed: geometric mean of throughputs over the cases that all compared backends ran (equal model, batch "
    "size, dtype, jit asked and devices), divided by that of the fastest backend, which has 1. A backend that ran no "
    "case of a mode takes no part in it."
)

_COLUMNS = with_details(
    (
        Column("mode", "mode"),
        Column("kind", "models"),
        Column("backend", "backend"),
        Column("relative_speed", "relative speed", "fastest = 1", "number", missing="no common case"),
        Column("common_cases", "common cases", kind="number", whole=True),
        Column("measured", "cases measured", kind="number", whole=True),
        Column("tried", "cases tried", kind="number", whole=True),
        Column("unlike", "common cases with unlike settings", kind="number", whole=True),
        Column("settings", "unlike settings", missing="none"),
        Column("marked", "weak figures", kind="number", whole=True),
    ),
    "settings",
    "marked",
    "tried",
)


def speed_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each run, mode, kind of model and backend that was tried."""
    rows = [
        {"run": item.label, "mode": mode, "kind": kind, "backend": backend, **figures}
        for item in runs
        for mode in TIMED
        for kind in KINDS
        for backend, figures in _figures(of_kind(item.run.records, kind), mode).items()
    ]
    return build_table(
        with_run(_COLUMNS, runs),
        rows,
        dict,
        key="speeds",
        title="Relative speed of the backends",
        caption="How fast each backend was beside the fastest, on the cases that all of them ran.",
        notes=(
            RULE,
            "Unlike settings: what differs between the backends of a common case, who has which, and in how many "
            "cases; such a mean compares configurations, not backends alone. Weak figures: of the common "
            "cases, on this backend; the table of trust names them.",
            *left_out(runs),
        ),
        empty="No case was timed.",
    )


def of_kind(records: Iterable[Record], kind: str) -> list[Record]:
    """Return the records of models of one family of the zoo, or all of them."""
    return [record for record in records if kind in (ALL, family_of(record.case.model))]


def compare_backends(records: Sequence[Record], mode: str) -> RelativeSpeed:
    """Compare the backends' speed in one mode."""
    return relative_speed(throughputs(records, "train" if mode == "train" else "infer"))


def _figures(records: list[Record], mode: str) -> dict[str, dict[str, float | int | str | None]]:
    tried = [record for record in records if record.case.mode == mode]
    result = compare_backends(tried, mode)
    common = common_cases(tried)
    unlike = [group for group in common if differing_settings(group)]
    return {
        backend: {
            "relative_speed": result.speeds.get(backend),
            "common_cases": result.common,
            "measured": sum(r.outcome == "ok" and r.case.backend == backend for r in tried),
            "tried": sum(r.case.backend == backend for r in tried),
            "unlike": len(unlike),
            "settings": count_differences(unlike) or None,
            "marked": sum(bool(caveats_of(r)) for group in common for r in group if r.case.backend == backend),
        }
        for backend in dict.fromkeys(record.case.backend for record in tried)
    }


def common_cases(records: Iterable[Record]) -> list[list[Record]]:
    """Return the measured cases that every backend with a figure ran, one record per backend in each group."""
    groups = comparable_records([record for record in records if record.outcome == "ok"], backend="tensorflow").values()
    backends = {record.case.backend for group in groups for record in group}
    return [group for group in groups if len(group) == len(backends)]


def unlike_common(records: Iterable[Record], mode: str) -> tuple[int, str]:
    """Return how many of a mode's common cases have unlike settings, and the names of those settings."""
    unlike = [
        found
        for group in common_cases(r for r in records if r.case.mode == mode)
        if (found := differing_settings(group))
    ]
    return len(unlike), ", ".join(dict.fromkeys(name for found in unlike for name in found))


def left_out(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """Return a note on the cases that are in no comparison, since the backends' models differ in size."""
    found = [text for item in runs for text in incomparable_cases(r for r in item.run.records if r.case.mode in TIMED)]
    return (f"Left out, since the models are not the same: {some(found)}.",) if found else ()
