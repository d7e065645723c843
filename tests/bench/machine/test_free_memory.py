"""Free memory within a control group, from files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from anatomy.bench.machine.free_memory import free_host_bytes, total_host_bytes

GIB = 2**30


@pytest.fixture(autouse=True)
def _a_machine_of_16_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16 * GIB, available=10 * GIB))


def version_2(folder: Path, limit: str, used: int, inactive: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {inactive}\n")
    return folder


def version_1(folder: Path, limit: int, used: int, inactive: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.limit_in_bytes").write_text(str(limit))
    (folder / "memory.usage_in_bytes").write_text(str(used))
    (folder / "memory.stat").write_text(f"total_inactive_file {inactive}\n")


def free(tmp_path: Path, membership: str = "0::/\n4:memory:/\n") -> int:
    """With the groups mounted at `tmp_path`, for a process that is a member so."""
    file = tmp_path / "membership"
    file.write_text(membership)
    return free_host_bytes(tmp_path, file)


def test_the_group_s_limit_is_kept_and_its_idle_files_are_no_use(tmp_path: Path) -> None:
    version_2(tmp_path, str(4 * GIB), 3 * GIB, GIB)
    assert free(tmp_path) == 2 * GIB


def test_no_group_gives_more_than_the_machine_has(tmp_path: Path) -> None:
    version_2(tmp_path, str(15 * GIB), GIB, 0)
    assert free(tmp_path) == 10 * GIB


def test_a_group_over_its_limit_has_nothing(tmp_path: Path) -> None:
    version_2(tmp_path, str(GIB), 2 * GIB, 0)
    assert free(tmp_path) == 0


@pytest.mark.parametrize("limit", ["max", str(2**63 - 4096)])
def test_without_a_limit_the_machine_decides(tmp_path: Path, limit: str) -> None:
    version_2(tmp_path, limit, 3 * GIB, 0)
    assert free(tmp_path) == 10 * GIB
    assert free_host_bytes(tmp_path / "none", tmp_path / "none") == 10 * GIB


def test_version_1(tmp_path: Path) -> None:
    version_1(tmp_path / "memory", 2 * GIB, GIB, 5)
    assert free(tmp_path) == GIB + 5


@pytest.mark.parametrize(("own", "around", "expected"), [("2", "max", 2), ("4", "3", 3), ("max", "5", 5)])
def test_the_process_s_own_group_and_those_around_it_limit_it(
    tmp_path: Path, own: str, around: str, expected: int
) -> None:
    def limit(gibibytes: str) -> str:
        return gibibytes if gibibytes == "max" else str(int(gibibytes) * GIB)

    version_2(tmp_path / "user.slice" / "job.scope", limit(own), 0, 0)
    version_2(tmp_path / "user.slice", limit(around), 0, 0)
    version_2(tmp_path / "user.slice" / "other.scope", str(GIB), 0, 0)
    assert free(tmp_path, "0::/user.slice/job.scope\n") == expected * GIB
    assert total_host_bytes(tmp_path, tmp_path / "membership") == expected * GIB


def test_the_process_s_own_group_of_version_1(tmp_path: Path) -> None:
    version_1(tmp_path / "memory", 2**63 - 4096, 0, 0)
    version_1(tmp_path / "memory" / "slurm" / "job:1", 3 * GIB, GIB, 0)
    # The line of version 2 is there beside it, and other controllers have other groups.
    assert free(tmp_path, "9:cpuset:/elsewhere\n4:hugetlb,memory:/slurm/job:1\n0::/\n") == 2 * GIB


@pytest.mark.parametrize("path", ["/docker/0123", "/../other"])
def test_a_path_that_is_not_mounted_leaves_the_container_s_own_root(tmp_path: Path, path: str) -> None:
    version_2(tmp_path, str(2 * GIB), GIB, 0)
    assert free(tmp_path, f"0::{path}\n") == GIB
