"""Control groups of this process, and those around them, whose limits hold for it too: cgroups(7)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# The kernel's own.
_PERIOD_US = 100_000


class Group(NamedTuple):
    """One group's folder, and the version of control groups, which says what its files are called."""

    version: Literal[1, 2]
    folder: Path


def groups_of(
    controller: Literal["cpu", "memory"], cgroup: Path = CGROUP, membership: Path = MEMBERSHIP
) -> Iterator[Group]:
    """The groups whose limits of one kind hold for this process, from its own outwards; of version 2, then 1.

    A container may see its own group as the root and yet be told its path on the host; what is not there is passed
    over when it is read.

    Args:
        controller: what is limited.
        cgroup: where the control groups are mounted.
        membership: the file that says which of them this process is in.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    # Without the file the roots are still looked at: in a container they are its own group.
    paths: dict[Literal[1, 2], str] = {2: "/", 1: "/"}
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            paths[2] = path
        elif controller in controllers.split(","):
            paths[1] = path
    for version, path in paths.items():
        root = cgroup if version == 2 else cgroup / controller
        # A path with ".." leads out of what is mounted.
        own = PurePosixPath("/" if ".." in PurePosixPath(path).parts else path).relative_to("/")
        for group in (own, *own.parents):
            yield Group(version, root / group)


class Quota(NamedTuple):
    """CPU time that one group may have.

    Attributes:
        time_us: microseconds of all its threads together in each period; null for as many as there are.
        period_us: microseconds.
        throttled: how often it was used up; null where that is not told.
    """

    time_us: int | None
    period_us: int
    throttled: int | None

    @property
    def cores(self) -> float:
        """So many cores' worth; infinite without a quota."""
        return self.time_us / self.period_us if self.time_us is not None else math.inf


def smallest_quota(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> Quota | None:
    """Of this process's nested groups; null where none tells. Arguments as of `groups_of`."""
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
    stat = dict(line.split() for line in (_read(group.folder / "cpu.stat") or "").splitlines())
    throttled = stat.get("nr_throttled")
    return Quota(time_us, int(period_text or _PERIOD_US), int(throttled) if throttled is not None else None)


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None
