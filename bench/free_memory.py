"""Memory that a new process could have: of the host within its control group, or of the GPU that CUDA shows first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil

from anatomy.bench.telemetry.library import nvml, opened, visible_devices

CGROUP = Path("/sys/fs/cgroup")


class FreeMemory(NamedTuple):
    """So many bytes, and of what: `this machine` or a GPU's name."""

    free_bytes: int
    place: str
    on_gpu: bool = False


def free_memory() -> FreeMemory:
    """Of the first visible GPU where there is one, else of the host."""
    return free_gpu_memory() or FreeMemory(free_host_bytes(), "this machine")


def free_host_bytes(cgroup: Path = CGROUP) -> int:
    """What the kernel can give without swapping (`MemAvailable`, proc(5)), and the control group still allows."""
    available = int(psutil.virtual_memory().available)
    allowed = _allowed_bytes(cgroup)
    return available if allowed is None else min(available, allowed)


def free_gpu_memory() -> FreeMemory | None:
    """Free memory of the GPU that CUDA shows first; null where NVML sees none."""
    library = nvml()
    try:
        with opened():
            _, devices = visible_devices(library)
            if not devices:
                return None
            return FreeMemory(int(library.nvmlDeviceGetMemoryInfo(devices[0].handle).free), devices[0].name, True)
    except library.NVMLError:
        return None


def _allowed_bytes(cgroup: Path) -> int | None:
    """Limit − use of this control group, version 2 and then 1; null where there is no limit.

    What files have in the page cache without being read lately (`inactive_file`) is given back when it is needed, and
    is no use: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory.
    """
    for limit, current, statistics, inactive in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            limit_text = (cgroup / limit).read_text().strip()
            used = int((cgroup / current).read_text())
            fields = dict(line.split() for line in (cgroup / statistics).read_text().splitlines())
        except OSError:
            continue
        # Version 1 says "no limit" with a number near 2**63, version 2 with "max".
        if limit_text.isdigit() and int(limit_text) < psutil.virtual_memory().total:
            return max(0, int(limit_text) - used + int(fields.get(inactive, 0)))
    return None
