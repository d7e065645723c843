"""Files on their way from a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.case import Case
from anatomy.bench.cluster.parcel import LONGEST_BYTES, pack, unpack

CASE = Case(model="mlp", backend="jax")


def test_a_cases_files_arrive_and_hosts_of_two_nodes_do_not_meet(tmp_path: Path) -> None:
    there, here = tmp_path / "node", tmp_path / "run"
    for name in (f"logs/{CASE.key}.log", f"logs/{CASE.key}.1.log", "logs/host-jax.log", f"scripts/{CASE.key}.py"):
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_text(name)
    (there / "logs" / "other.log").write_text("another case's")
    for node in ("abc", "def"):
        unpack(pack(there, CASE), here, node)
    assert sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()) == sorted(
        [
            f"logs/{CASE.key}.1.log",
            f"logs/{CASE.key}.log",
            "logs/host-jax.abc.log",
            "logs/host-jax.def.log",
            f"scripts/{CASE.key}.py",
        ]
    )
    assert (here / "scripts" / f"{CASE.key}.py").read_text() == f"scripts/{CASE.key}.py"


def test_of_a_long_log_the_end_is_kept(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / f"{CASE.key}.log").write_bytes(b"a" * LONGEST_BYTES + b"the end")
    (content,) = pack(tmp_path, CASE).values()
    assert len(content) == LONGEST_BYTES
    assert content.endswith(b"athe end")


@pytest.mark.parametrize("name", ["run.json", "logs/../run.json", "/etc/passwd", "logs/..", "other/a.log"])
def test_a_file_lands_among_logs_and_scripts_or_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no log and no script"):
        unpack({name: b""}, tmp_path / "run", "abc")
    assert not (tmp_path / "run").exists()
