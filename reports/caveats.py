"""Marks beside figures that a reader should not take at face value, and what each means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.reports.flops_utilisation import Utilisation


class Mark(NamedTuple):
    """A sign behind a figure and the footnote that explains it."""

    sign: str
    meaning: str


NOT_SETTLED = Mark("†", "the step times had not settled (drifting, slowing or never settled)")
SHORT = Mark("°", "too few steps to say whether their times had settled")
RECOMPILED = Mark("‡", "programs were compiled during the measured window")
CLOCKS = Mark("§", "pipelined and synchronised steps could not be checked against each other")
IMPOSSIBLE = Mark(
    "¶",
    "above 100 %, which is impossible: the ceiling was measured too low, or fewer operations were done than counted "
    "(as Winograd's convolutions do); run anatomy doctor again on the quiet machine",
)
DEVIATES = Mark("#", "the outputs deviate from the other backends' by more than rounding allows")
THROTTLED = Mark(
    "↓",
    "a GPU's clock was held down in part of the window (power cap, heat, …); see Devices' telemetry for the reasons",
)
ALL_MARKS = (NOT_SETTLED, SHORT, RECOMPILED, CLOCKS, IMPOSSIBLE, DEVIATES, THROTTLED)


def marks_of(record: Record) -> tuple[Mark, ...]:
    """The marks of a measured case's times."""
    if record.outcome != "ok":
        return ()
    label = record.series.label if record.series else "settled"
    found = {
        NOT_SETTLED: label in ("drifting", "slowing", "never settled"),
        SHORT: label == "short",
        RECOMPILED: bool(record.recompilations),
        # Clocks that disagree make a case invalid: no table has its figures.
        CLOCKS: record.clock is not None and record.clock.verdict == "not checked",
        THROTTLED: any(use.used is not False and is_throttled(use) for use in record.gpu or ()),
    }
    return tuple(mark for mark, holds in found.items() if holds)


def is_throttled(use: GpuUse) -> bool:
    """Whether the clock was held down in any sample of the window."""
    return bool(use.throttled_share)


def marks_of_use(record: Record, use: Utilisation) -> dict[str, tuple[Mark, ...]]:
    """The marks of a case's utilisation, by its field: those of its times, and where it is impossible."""
    times = marks_of(record)
    return {"flops_per_s": times} | {
        name: (*times, IMPOSSIBLE) if (share := getattr(use, name)) is not None and share > 1 else times
        for name in ("mfu", "mfu_of_peak")
    }


def signs(marks: Iterable[Mark]) -> str:
    """`†‡`."""
    return "".join(mark.sign for mark in marks)


def legend(marks: Iterable[Mark]) -> str:
    """`† the step times had not settled …; ‡ …`, in a fixed order; empty without marks."""
    used = set(marks)
    return "; ".join(f"{mark.sign} {mark.meaning}" for mark in ALL_MARKS if mark in used)
