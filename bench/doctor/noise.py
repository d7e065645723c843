"""How quiet is this machine: the spread of identical work in fresh processes, and the smallest detectable change."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from anatomy.bench.records.record import Record
from anatomy.bench.statistics.detectable import coefficient_of_variation, detectable_change

MINUTE_S = 60.0


@dataclass(frozen=True)
class Noise:
    """Spread between fresh processes of one case.

    Attributes:
        name: name of the case.
        processes: number of measured processes.
        variation: coefficient of variation of their median steps.
        process_s: mean wall seconds of one process, including its start.
        detectable: smallest relative change that a comparison of one minute would find 9 times in 10.
        reason: why a figure is `None`; empty if there is none missing.
    """

    name: str
    processes: int
    variation: float | None = None
    process_s: float | None = None
    detectable: float | None = None
    reason: str = ""


def noise_of(records: list[Record], wall_s: list[float]) -> Noise:
    """The noise of one case, from the records of its processes and the wall seconds of each process."""
    failed = next((record for record in records if record.outcome != "ok"), None)
    if failed is not None:
        return Noise(failed.name, len(records), reason=f"{failed.outcome}: {failed.reason}")
    medians = [record.step_median_s for record in records if record.step_median_s is not None]
    if len(medians) < 2:
        return Noise(records[0].name, len(records), reason="fewer than two processes have a median step")
    variation, process_s = coefficient_of_variation(medians), fmean(wall_s)
    each_side = int(MINUTE_S / 2 / process_s)
    if each_side < 2:
        reason = f"a process takes {process_s:.0f} s: no two a side in a minute"
        return Noise(records[0].name, len(medians), variation, process_s, reason=reason)
    return Noise(records[0].name, len(medians), variation, process_s, detectable_change(variation, each_side))
