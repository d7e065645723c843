"""Memory that a new process can take: of the host within its control groups, or of the first GPU that CUDA shows."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil

from anatomy.bench.machine.cgroups import CGROUP, MEMBERSHIP, memory_limits, smallest_memory_limit
from anatomy.bench.machine.telemetry.nvml_library import nvml, open_nvml, visible_devices


class FreeMemory(NamedTuple):
    """Free bytes, and where: `this machine`, or a GPU's name."""

    free_bytes: int
    place: str
    on_gpu: bool = False


def free_memory() -> FreeMemory:
    """Free memory of the first visible GPU where there is one, else of the host."""
    return free_gpu_memory() or FreeMemory(free_host_bytes(), "this machine")


def free_host_bytes(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """What the kernel can give without swapping (`MemAvailable`, proc(5)) and the control groups still allow.

    Arguments as for `anatomy.bench.machine.cgroups.groups_of`.
    """
    allowed = [found.free_bytes for found in memory_limits(cgroup, membership) if found.free_bytes is not None]
    return min([int(psutil.virtual_memory().available), *allowed])


def total_host_bytes(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """The smallest limit of the control groups, else the machine's memory. Arguments as for `free_host_bytes`."""
    return smallest_memory_limit(cgroup, membership) or int(psutil.virtual_memory().total)


def free_gpu_memory() -> FreeMemory | None:
    """Free memory of the first GPU that CUDA shows; None where NVML sees no GPU."""
    library = nvml()
    try:
        with open_nvml():
            _, devices = visible_devices(library)
            if not devices:
                return None
            return FreeMemory(int(library.nvmlDeviceGetMemoryInfo(devices[0].handle).free), devices[0].name, True)
    except library.NVMLError:
        return None
