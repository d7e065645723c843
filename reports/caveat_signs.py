"""Signs of caveats behind the figures of tables, and what each means."""

from __future__ import annotations

from collections.abc import Iterable

from anatomy.bench.records.caveats import ALL_CAVEATS, IMPOSSIBLE, Caveat
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import throughput
from anatomy.reports.flops_utilisation import Utilisation


def utilisation_caveats(record: Record, use: Utilisation) -> dict[str, tuple[Caveat, ...]]:
    """Return the caveats of each field of a utilisation: those of the throughput, and values above 100 %."""
    times = throughput(record).caveats
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
