"""Tables of profiled cases: what a step waits for, and the kinds of work that its time goes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from anatomy.bench.records.case_profile import STEP_PARTS, Kind
from anatomy.reports.run_labels import LabelledProfile, with_case
from anatomy.reports.table import Absence, Column, Table, build_table, with_details

_OF_STEP, _SECONDS = "% of the step", "ms a step"
_COLUMNS = (
    Column("outcome", "outcome", kind="outcome"),
    Column("step_s", "without a trace", "ms", "number", 1e3, group="step"),
    Column("traced_step_s", "traced", "ms", "number", 1e3, group="step"),
    Column("tracing_cost", "tracing cost", "%", "number", 100, group="step"),
    *(Column(f"{gap}_share", gap.replace("_", " "), "%", "number", 100, group=_OF_STEP) for gap in STEP_PARTS),
    Column("sum_share", "sum", "%", "number", 100, group=_OF_STEP),
    *(Column(f"{gap}_s", gap.replace("_", " "), "ms", "number", 1e3, group=_SECONDS) for gap in STEP_PARTS),
    Column("sum_s", "sum", "ms", "number", 1e3, group=_SECONDS),
    Column("unattributed_share", "unattributed", "% of the device time", "number", 100),
    Column("steps", "steps traced", kind="number", whole=True),
    Column("reason", "why not measured", missing="none"),
)
# The same as the shares, and what is of interest where something is amiss.
_DETAILS = (*(f"{gap}_s" for gap in STEP_PARTS), "sum_s", "steps", "reason")


def gap_table(cases: Sequence[LabelledProfile]) -> Table:
    """A row for each profiled case, measured or not."""
    return build_table(
        with_details(with_case(_COLUMNS, cases), "traced_step_s", *_DETAILS),
        cases,
        _gap_cells,
        _absence,
        key="gaps",
        title="What a step waits for",
        caption="The step of every profiled case: without a trace, traced, and divided into what kept it waiting.",
        notes=(
            "Input wait: the host fetched data and put them on the device. Host dispatch: the host launched the step. "
            "Communication: devices exchanged data, and no other operation ran. Idle: all was launched. In none of "
            "these did another operation run; device compute is the time in which one did.",
            "The sum is of the five, against the step by the host's own clock: what it lacks of 100 % is missing from "
            "the trace. Tracing cost: the traced step over the same step without a trace, in the same process. Where "
            "it is high, shares are of a step that nobody runs.",
            "Unattributed: operations that belong to no layer that is known.",
        ),
        empty="No case was profiled.",
    )


def kind_table(cases: Sequence[LabelledProfile]) -> Table:
    """A row for each measured case, two columns for each kind of work that any of them did."""
    measured = [case for case in cases if case.profile.kinds]
    present = {one.kind for case in measured for one in case.profile.kinds}
    kinds = [kind for kind in get_args(Kind) if kind in present]
    shares = tuple(_kind_column(kind, "share", _OF_STEP, "%", 100) for kind in kinds)
    seconds = tuple(_kind_column(kind, "s", _SECONDS, "ms", 1e3) for kind in kinds)
    return build_table(
        with_details(with_case(shares + seconds, measured), *(column.key for column in seconds)),
        measured,
        _kind_cells,
        key="kinds",
        title="Kinds of work",
        caption="What kind of work the time of a step went to.",
        notes=("Host: what the host took without an operation running.",),
        empty="No profiled case was measured.",
    )


def _gap_cells(case: LabelledProfile) -> dict[str, Any]:
    profile, gaps = case.profile, case.profile.gaps
    row = {
        "case": profile.name,
        "run": case.label,
        **profile.model_dump(include={"outcome", "unattributed_share"}),
        "step_s": profile.step,
        "steps": profile.steps or None,
        "reason": profile.reason or None,
    }
    if gaps is None:
        return row
    seconds = gaps.parts | {"sum": gaps.sum}
    return row | {
        "traced_step_s": gaps.step,
        "tracing_cost": gaps.step / profile.step - 1 if profile.step else None,
        **{f"{name}_s": value for name, value in seconds.items()},
        **{f"{name}_share": value / gaps.step if gaps.step else None for name, value in seconds.items()},
    }


def _absence(case: LabelledProfile, key: str) -> Absence | None:
    """The outcome of a failed case, or the profile's own reason."""
    profile = case.profile
    if key in ("case", "run", "reason"):
        return None
    if profile.outcome != "ok":
        return Absence(profile.outcome, profile.reason)
    reason = profile.not_measured.get(key.removesuffix("_s").removesuffix("_share"), profile.not_measured.get("gaps"))
    return Absence("not measured", reason) if reason else None


def _kind_cells(case: LabelledProfile) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case.profile.name, "run": case.label}
    for one in case.profile.kinds:
        row |= {f"{_key(one.kind)}_share": one.share, f"{_key(one.kind)}_s": one.time}
    return row


def _kind_column(kind: Kind, suffix: str, group: str, unit: str, scale: float) -> Column:
    return Column(f"{_key(kind)}_{suffix}", kind, unit, "number", scale, group=group, missing="none")


def _key(kind: Kind) -> str:
    """The key of a kind's columns: `matrix_product`."""
    return kind.replace(" ", "_").replace("-", "_")
