"""The control groups that limit this process: its own and those around it, cgroups(7)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import permutations
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import psutil

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# The kernel's default period.
_PERIOD_US = 100_000
# Version of control groups → names of the limit, of what is used, and of page cache that can be given back.
_MEMORY_FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
# https://docs.kernel.org/admin-guide/cgroup-v2.html#memory, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
_KILL_FILES = {2: "memory.events", 1: "memory.oom_control"}


class Group(NamedTuple):
    """A control group: its version, which decides the names of its files, and its folder."""

    version: Literal[1, 2]
    folder: Path


def groups_of(
    controller: Literal["cpu", "memory"], cgroup: Path = CGROUP, membership: Path = MEMBERSHIP
) -> Iterator[Group]:
    """The groups whose limits hold for this process, innermost first; those of version 2, then those of version 1.

    A container may see its own group as the root, although `membership` has the path on the host. Folders that do not
    exist are therefore included; readers skip them.

    Args:
        controller: what is limited.
        cgroup: where the control groups are mounted.
        membership: the file that says which groups this process is in.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    # Without the file the roots are read: in a container they are the process's own groups.
    paths: dict[Literal[1, 2], str] = {2: "/", 1: "/"}
    mounted = cgroup / controller
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            paths[2] = path
        elif controller in controllers.split(","):
            paths[1] = path
            # Controllers that are mounted together share a folder, which may have the names of all.
            mounted = next((place for place in _places(cgroup, controllers, controller) if place.exists()), mounted)
    for version, path in paths.items():
        root = cgroup if version == 2 else mounted
        # A path with ".." leads out of what is mounted.
        own = PurePosixPath("/" if ".." in PurePosixPath(path).parts else path).relative_to("/")
        for group in (own, *own.parents):
            yield Group(version, root / group)


def _places(cgroup: Path, controllers: str, controller: str) -> Iterator[Path]:
    yield cgroup / controller
    yield from (cgroup / ",".join(names) for names in permutations(controllers.split(",")))


class MemoryLimit(NamedTuple):
    """Memory that one group allows.

    Attributes:
        limit_bytes: for all its processes together.
        free_bytes: what they can still take; None where the group does not tell what is used.
    """

    limit_bytes: int
    free_bytes: int | None


def memory_limits(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> Iterator[MemoryLimit]:
    """The limit of each group that has one below the machine's memory. Arguments as for `groups_of`."""
    for version, folder in groups_of("memory", cgroup, membership):
        limit_file, used_file, cache_field = _MEMORY_FILES[version]
        limit_text = _read(folder / limit_file) or ""
        # Version 1 has a number near 2**63 for "no limit", version 2 the word "max".
        if not limit_text.isdigit() or (limit := int(limit_text)) >= psutil.virtual_memory().total:
            continue
        free = None
        if (used := _read(folder / used_file)) is not None and (stat := _read(folder / "memory.stat")) is not None:
            # Page cache that was not read lately (`inactive_file`) counts as used, but is freed on demand.
            free = max(0, limit - int(used) + int(_fields(stat).get(cache_field, 0)))
        yield MemoryLimit(limit, free)


def smallest_memory_limit(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that this process's nested groups allow; None without a limit. Arguments as for `groups_of`."""
    return min((found.limit_bytes for found in memory_limits(cgroup, membership)), default=None)


def out_of_memory_kills(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int | None:
    """How many processes of this process's group the kernel has killed for want of memory, whosever limit was hit.

    Of nested groups the innermost that is accounted is read: the counters of those around it include other programs.
    None where the kernel does not count. Arguments as for `groups_of`.
    """
    for version, folder in groups_of("memory", cgroup, membership):
        with suppress(KeyError):
            return int(_fields(_read(folder / _KILL_FILES[version]) or "")["oom_kill"])
    return None


class Quota(NamedTuple):
    """CPU time that one group may use.

    Attributes:
        time_us: microseconds in each period, all threads together; None without a quota.
        period_us: microseconds.
        throttled: number of periods in which the quota was used up; None where the kernel does not count them.
    """

    time_us: int | None
    period_us: int
    throttled: int | None

    @property
    def cores(self) -> float:
        """The quota in cores; infinite without one."""
        return self.time_us / self.period_us if self.time_us is not None else math.inf


def smallest_quota(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> Quota | None:
    """The tightest quota of this process's nested groups; None where none tells. Arguments as for `groups_of`."""
    quotas = (_quota(group) for group in groups_of("cpu", cgroup, membership))
    return min((quota for quota in quotas if quota), key=lambda quota: quota.cores, default=None)


def _quota(group: Group) -> Quota | None:
    """https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu and https://docs.kernel.org/scheduler/sched-bwc.html."""
    if group.version == 1:
        time_text, period_text = _read(group.folder / "cpu.cfs_quota_us"), _read(group.folder / "cpu.cfs_period_us")
    elif (stated := _read(group.folder / "cpu.max")) is not None:
        time_text, period_text = stated.split()
    else:
        # Every group has this file; without the other it is the machine's root, or its CPU time is not controlled.
        time_text, period_text = "max" if _read(group.folder / "cgroup.controllers") is not None else None, None
    if time_text is None:
        return None
    # Version 1 says "no quota" with -1, version 2 with "max".
    time_us = int(time_text) if time_text.isdigit() else None
    throttled = _fields(_read(group.folder / "cpu.stat") or "").get("nr_throttled")
    return Quota(time_us, int(period_text or _PERIOD_US), int(throttled) if throttled is not None else None)


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


def _fields(text: str) -> dict[str, str]:
    """Lines of a name and a value, as in `memory.stat`."""
    return dict(line.split(maxsplit=1) for line in text.splitlines())
