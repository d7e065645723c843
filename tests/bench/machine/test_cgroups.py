"""Memory limits and out-of-memory kills of nested control groups, from files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from anatomy.bench.machine.cgroups import out_of_memory_kills, smallest_memory_limit, smallest_quota
from anatomy.bench.machine.collect_environment import collect

GIB = 2**30
OWN = "user.slice/job.scope"


@pytest.fixture(autouse=True)
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 16 GiB whose control groups are mounted at `tmp_path`."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16 * GIB, available=10 * GIB))
    return tmp_path


def member(mounted: Path, *lines: str) -> tuple[Path, Path]:
    """A process that is a member of the groups that `lines` name."""
    file = mounted / "membership"
    file.write_text("".join(f"{line}\n" for line in lines))
    return mounted, file


def write(group: Path, **files: str) -> None:
    group.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (group / name.replace("__", ".")).write_text(text)


def events(kills: int) -> str:
    return f"low 0\nhigh 0\nmax 7\noom 1\noom_kill {kills}\noom_group_kill 0\n"


def test_kills_are_counted_in_the_process_s_own_group_outside_a_container(mounted: Path) -> None:
    write(mounted / OWN, memory__events=events(3))
    # Kills of other programs of the user are no kills of this one.
    write(mounted / "user.slice", memory__events=events(9))
    assert out_of_memory_kills(*member(mounted, f"0::/{OWN}")) == 3


def test_kills_are_counted_around_a_group_without_the_memory_controller(mounted: Path) -> None:
    write(mounted / OWN, cgroup__controllers="cpu\n")
    write(mounted / "user.slice", memory__events=events(2))
    assert out_of_memory_kills(*member(mounted, f"0::/{OWN}")) == 2


@pytest.mark.parametrize("path", ["/docker/0123", "/../other"])
def test_kills_are_counted_in_a_container_that_sees_its_group_as_the_root(mounted: Path, path: str) -> None:
    write(mounted, memory__events=events(1))
    assert out_of_memory_kills(*member(mounted, f"0::{path}")) == 1


def test_kills_of_version_1(mounted: Path) -> None:
    control = "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"
    write(mounted / "memory/slurm/job:1", memory__oom_control=control)
    assert out_of_memory_kills(*member(mounted, "4:hugetlb,memory:/slurm/job:1", "0::/")) == 4


@pytest.mark.parametrize("control", ["", "oom_kill_disable 0\nunder_oom 0\n"])
def test_a_kernel_that_does_not_count_kills(mounted: Path, control: str) -> None:
    write(mounted / "memory", memory__oom_control=control)
    assert out_of_memory_kills(*member(mounted, "4:memory:/", "0::/")) is None


def test_the_smallest_limit_of_nested_groups_holds(mounted: Path) -> None:
    write(mounted / OWN, memory__max="max\n")
    write(mounted / "user.slice", memory__max=f"{3 * GIB}\n")
    write(mounted, memory__max=f"{5 * GIB}\n")
    assert smallest_memory_limit(*member(mounted, f"0::/{OWN}")) == 3 * GIB


@pytest.mark.parametrize("limit", ["max", str(2**63 - 4096), str(16 * GIB)])
def test_what_is_no_limit(mounted: Path, limit: str) -> None:
    write(mounted, memory__max=limit)
    assert smallest_memory_limit(*member(mounted, "0::/")) is None


def test_the_environment_has_the_limit_of_the_own_group(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a container the root has no limit, and the job's own group has."""
    write(mounted / OWN, memory__max=f"{2 * GIB}\n")
    _, membership = member(mounted, f"0::/{OWN}")
    monkeypatch.setattr(smallest_memory_limit, "__defaults__", (mounted, membership))
    assert collect().memory_limit_bytes == 2 * GIB


@pytest.mark.parametrize("place", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_a_controller_of_version_1_is_mounted_by_its_name_or_with_others(mounted: Path, place: str) -> None:
    write(mounted / place / "docker/x", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    quota = smallest_quota(*member(mounted, "3:cpu,cpuacct:/docker/x"))
    assert quota is not None
    assert quota.cores == 0.5
