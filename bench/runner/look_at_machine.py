"""Look at the machine while no worker runs, and keep what was seen with the run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from anatomy.bench.machine.busy_processes import watch_processes
from anatomy.bench.records.machine_look import MachineLook, append_look
from anatomy.bench.runner.measuring_lock import others_measuring

# Seconds for which the machine is watched.
WATCH_S = 0.25


def look_at_machine(folder: Path, at: Literal["start", "end"]) -> MachineLook:
    """Watch the machine for `WATCH_S` seconds; the look is also in the run's folder."""
    look = _watch(at)
    append_look(folder, look)
    return look


def disturbances_now() -> str:
    """Watch the machine for `WATCH_S` seconds: what would slow the next case, in words; empty of a quiet machine."""
    return _watch("start").disturbances()


def _watch(at: Literal["start", "end"]) -> MachineLook:
    busy, steal = watch_processes(WATCH_S)
    return MachineLook(
        at=at,
        looked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        watched_s=WATCH_S,
        busy=busy,
        steal=steal,
        beside=[str(owner) for owner in others_measuring()],
    )
