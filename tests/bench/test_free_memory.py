"""Free memory within a control group, from files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from anatomy.bench.free_memory import free_host_bytes

GIB = 2**30


@pytest.fixture(autouse=True)
def _a_machine_of_16_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16 * GIB, available=10 * GIB))


def version_2(folder: Path, limit: str, used: int, inactive: int) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {inactive}\n")
    return folder


def test_the_group_s_limit_is_kept_and_its_idle_files_are_no_use(tmp_path: Path) -> None:
    assert free_host_bytes(version_2(tmp_path, str(4 * GIB), 3 * GIB, GIB)) == 2 * GIB


def test_no_group_gives_more_than_the_machine_has(tmp_path: Path) -> None:
    assert free_host_bytes(version_2(tmp_path, str(15 * GIB), GIB, 0)) == 10 * GIB


def test_a_group_over_its_limit_has_nothing(tmp_path: Path) -> None:
    assert free_host_bytes(version_2(tmp_path, str(GIB), 2 * GIB, 0)) == 0


@pytest.mark.parametrize("limit", ["max", str(2**63 - 4096)])
def test_without_a_limit_the_machine_decides(tmp_path: Path, limit: str) -> None:
    assert free_host_bytes(version_2(tmp_path, limit, 3 * GIB, 0)) == 10 * GIB
    assert free_host_bytes(tmp_path / "none") == 10 * GIB


def test_version_1(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    folder.mkdir()
    (folder / "memory.limit_in_bytes").write_text(str(2 * GIB))
    (folder / "memory.usage_in_bytes").write_text(str(GIB))
    (folder / "memory.stat").write_text("total_inactive_file 5\n")
    assert free_host_bytes(tmp_path) == GIB + 5
