"""Memory that a new process could have: of the host within its control group, or of the GPU that CUDA shows first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from anatomy.bench.machine.cgroups import CGROUP, MEMBERSHIP, groups_of
from anatomy.bench.machine.telemetry.nvml_library import nvml, opened, visible_devices


class _Files(NamedTuple):
    """Where one version of control groups says what a group may have and what it has."""

    limit: str
    current: str
    inactive: str


_FILES = {
    2: _Files("memory.max", "memory.current", "inactive_file"),
    1: _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


class FreeMemory(NamedTuple):
    """So many bytes, and of what: `this machine` or a GPU's name."""

    free_bytes: int
    place: str
    on_gpu: bool = False


def free_memory() -> FreeMemory:
    """Of the first visible GPU where there is one, else of the host."""
    return free_gpu_memory() or FreeMemory(free_host_bytes(), "this machine")


def free_host_bytes(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """What the kernel can give without swapping (`MemAvailable`, proc(5)), and the control groups still allow.

    Args:
        cgroup: where the control groups are mounted.
        membership: the file that says which of them this process is in, cgroups(7).
    """
    return min([int(psutil.virtual_memory().available), *(free for _, free in _limited(cgroup, membership))])


def total_host_bytes(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """What the host has, or the smallest limit of the control groups; arguments as of `free_host_bytes`."""
    return min([int(psutil.virtual_memory().total), *(limit for limit, _ in _limited(cgroup, membership))])


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


def _limited(cgroup: Path, membership: Path) -> Iterator[tuple[int, int]]:
    """Limit and what it still allows, of each control group that has a limit."""
    for version, group in groups_of("memory", cgroup, membership):
        files = _FILES[version]
        with suppress(OSError):
            limit_text = (group / files.limit).read_text().strip()
            used = int((group / files.current).read_text())
            fields = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            # Version 1 says "no limit" with a number near 2**63, version 2 with "max".
            if limit_text.isdigit() and (limit := int(limit_text)) < psutil.virtual_memory().total:
                # What files have in the page cache without being read lately (`inactive_file`) is given back when it
                # is needed, and is no use: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory.
                yield limit, max(0, limit - used + int(fields.get(files.inactive, 0)))
