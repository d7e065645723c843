"""Caveats: why a figure should not be taken at face value, each with a sign and a word for narrow places."""

from __future__ import annotations

from typing import NamedTuple

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record


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
# A throughput whose interval is wider than ± this is weak.
WIDE = 0.10
UNSURE = Caveat(
    "~", f"the throughput is known to ± {100 * WIDE:g} % or worse, or from too few blocks for an interval", "wide ±"
)
ALL_CAVEATS = (NOT_SETTLED, SHORT, RECOMPILED, CLOCKS, IMPOSSIBLE, DEVIATES, THROTTLED, UNSURE)


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
