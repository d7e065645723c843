"""Memory that a new process could have: of the host within its control group, or of the GPU that CUDA shows first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import psutil

from anatomy.bench.telemetry.library import nvml, opened, visible_devices

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


class _Files(NamedTuple):
    """Where one version of control groups says what a group may have and what it has."""

    limit: str
    current: str
    inactive: str


_VERSION_2 = _Files("memory.max", "memory.current", "inactive_file")
_VERSION_1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


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
    allowed = (_allowed_bytes(folder, files) for folder, files in _groups(cgroup, membership))
    limits = [size_bytes for size_bytes in allowed if size_bytes is not None]
    return min([int(psutil.virtual_memory().available), *limits])


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


def _groups(cgroup: Path, membership: Path) -> Iterator[tuple[Path, _Files]]:
    """The groups of this process, and those around them, whose limits hold for it too.

    A container may see its own group as the root and yet be told its path on the host; what is not there is passed
    over when it is read.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    # Without the file the roots are still looked at: in a container they are its own group.
    paths = {_VERSION_2: "/", _VERSION_1: "/"}
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            paths[_VERSION_2] = path
        elif "memory" in controllers.split(","):
            paths[_VERSION_1] = path
    for files, path in paths.items():
        root = cgroup if files is _VERSION_2 else cgroup / "memory"
        # A path with ".." leads out of what is mounted.
        own = PurePosixPath("/" if ".." in PurePosixPath(path).parts else path).relative_to("/")
        for group in (own, *own.parents):
            yield root / group, files


def _allowed_bytes(group: Path, files: _Files) -> int | None:
    """Limit − use of one control group; null where there is no limit.

    What files have in the page cache without being read lately (`inactive_file`) is given back when it is needed, and
    is no use: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory.
    """
    try:
        limit_text = (group / files.limit).read_text().strip()
        used = int((group / files.current).read_text())
        fields = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:
        return None
    # Version 1 says "no limit" with a number near 2**63, version 2 with "max".
    if not limit_text.isdigit() or int(limit_text) >= psutil.virtual_memory().total:
        return None
    return max(0, int(limit_text) - used + int(fields.get(files.inactive, 0)))
