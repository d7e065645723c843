"""Caveats: why a figure should not be taken at face value, each with a sign and a word for narrow places."""

from __future__ import annotations

from typing import NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.cpu_list import parse_cpus
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
# Share of the worker's CPUs that others used in the window, and of their time that the hypervisor took, from which a
# figure is weak. Below the first, the ticks that the kernel counts by do not tell others from the worker itself.
OTHERS, STOLEN = 0.10, 0.05
DISTURBED = Caveat(
    "‖",
    f"other processes used {100 * OTHERS:g} % or more of the worker's CPUs in the window, or the hypervisor took"
    f" {100 * STOLEN:g} % or more of their time",
    "disturbed",
)
# A figure whose interval is wider than ± this is weak.
WIDE = 0.10
UNSURE = Caveat("~", f"known to ± {100 * WIDE:g} % or worse, or too few steps for an interval", "wide ±")
ALL_CAVEATS = (NOT_SETTLED, SHORT, RECOMPILED, CLOCKS, IMPOSSIBLE, DEVIATES, THROTTLED, DISTURBED, UNSURE)


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
        DISTURBED: (others_share(record) or 0.0) >= OTHERS or (record.steal_share or 0.0) >= STOLEN,
    }
    return tuple(caveat for caveat, holds in found.items() if holds)


def others_share(record: Record) -> float | None:
    """Share of the worker's CPUs that other processes used in the window; `None` where that is not known."""
    cpus = record.settings.get("cpus")
    if record.others_cores is None or not isinstance(cpus, str):
        return None
    try:
        return record.others_cores / len(parse_cpus(cpus))
    except UsageError:
        # Written by another program.
        return None


def is_throttled(use: GpuUse) -> bool:
    """Return whether the GPU's clock was held down in any sample of the window."""
    return bool(use.throttled_share)
