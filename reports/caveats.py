"""Caveats: signs beside figures that should not be taken at face value, and what each means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.reports.flops_utilisation import Utilisation


class Caveat(NamedTuple):
    """A sign behind a figure, the footnote that explains it, and a word or two for a narrow place."""

    sign: str
    meaning: str
    short: str


NOT_SETTLED = Caveat("†", "the step times had not settled (drifting, slowing or never settled)", "unsettled")
SHORT = Caveat("°", "too few steps to say whether their times had settled", "few steps")
RECOMPILED = Caveat("‡", "programs were compiled during the measured window", "recompiled")
CLOCKS = Caveat("§", "pipelined and synchronised steps could not be checked against each other", "clocks")
IMPOSSIBLE = Caveat(
    "¶",
    "above 100 %, which is impossible: the ceiling was measured too low, or fewer operations were done than counted "
    "(as Winograd's convolutions do); run anatomy doctor again on the quiet machine",
    "over limit",
)
DEVIATES = Caveat("#", "the outputs deviate from the other backends' by more than rounding allows", "deviates")
THROTTLED = Caveat(
    "↓",
    "a GPU's clock was held down in part of the window (power cap, heat, …); see Devices' telemetry for the reasons",
    "throttled",
)
ALL_CAVEATS = (NOT_SETTLED, SHORT, RECOMPILED, CLOCKS, IMPOSSIBLE, DEVIATES, THROTTLED)


def caveats_of(record: Record) -> tuple[Caveat, ...]:
    """Return the caveats about the times of a case; none where it was not measured."""
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
    return tuple(caveat for caveat, holds in found.items() if holds)


def is_throttled(use: GpuUse) -> bool:
    """Return whether the GPU's clock was held down in any sample of the window."""
    return bool(use.throttled_share)


def utilisation_caveats(record: Record, use: Utilisation) -> dict[str, tuple[Caveat, ...]]:
    """Return the caveats of each field of a utilisation: those of the times, and values above 100 %."""
    times = caveats_of(record)
    return {"flops_per_s": times} | {
        name: (*times, IMPOSSIBLE) if (share := getattr(use, name)) is not None and share > 1 else times
        for name in ("mfu", "mfu_of_peak")
    }


def signs(caveats: Iterable[Caveat]) -> str:
    """Return the signs alone: `†‡`."""
    return "".join(caveat.sign for caveat in caveats)


def caveat_legend(caveats: Iterable[Caveat]) -> str:
    """Return `† the step times had not settled …; ‡ …`, in a fixed order; empty without caveats."""
    used = set(caveats)
    return "; ".join(f"{caveat.sign} {caveat.meaning}" for caveat in ALL_CAVEATS if caveat in used)
