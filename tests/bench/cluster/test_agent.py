"""A node measures as `anatomy run` would there: what Ray's worker changes is undone, or nothing is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anatomy.bench.case import Case
from anatomy.bench.cluster.agent import NodeAgent, as_started, started_with, unfit
from anatomy.bench.cluster.kind import Hello
from anatomy.bench.environment import collect
from anatomy.bench.record import Record
from anatomy.bench.settings import MeasureSettings


def test_what_ray_has_set_is_undone_and_what_the_node_was_started_with_stays(tmp_path: Path) -> None:
    (tmp_path / "environ").write_bytes(b"CUDA_VISIBLE_DEVICES=2,3\0HOME=/root\0XLA_FLAGS=--a=b\0")
    variables = {"OMP_NUM_THREADS": "8", "CUDA_VISIBLE_DEVICES": "0", "PATH": "/bin"}
    as_started(variables, started_with(tmp_path / "environ"))
    assert variables == {"CUDA_VISIBLE_DEVICES": "2,3", "XLA_FLAGS": "--a=b", "PATH": "/bin"}


def test_a_node_that_is_not_all_ours_or_slowed_down_is_unfit() -> None:
    assert unfit(gpus=4, visible=4, niceness=0, wanted=0) == ""
    assert "its cases would see 4" in unfit(gpus=2, visible=4, niceness=0, wanted=0)
    assert "RAY_worker_niceness=0" in unfit(gpus=0, visible=0, niceness=15, wanted=0)


@pytest.mark.backends
def test_an_agent_measures_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    agent = NodeAgent(gpus=0, shipped=False)
    hello = Hello.model_validate_json(agent.hello())
    assert hello.environment.fingerprint == collect().fingerprint
    case = Case(model="mlp", options={"hidden": 8}, mode="infer", backend="jax")
    settings = MeasureSettings(steps=5, warmup_s=0.05, memory_limit_bytes=hello.usable_memory_bytes)
    text, parcel = agent.measure(case.model_dump_json(), 1, settings.model_dump_json())
    agent.close()
    record = Record.model_validate_json(text)
    assert (record.outcome, record.reason, record.repeat) == ("ok", "", 1)
    assert record.environment == hello.environment.fingerprint
    assert record.log in parcel
    assert f"scripts/{case.key}.py" in parcel
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_it_imports_ray() -> None:
    code = (
        "import sys; import anatomy.bench.cli.run, anatomy.bench.cli.work, anatomy.bench.cli.cluster;"
        " assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_ray_the_remedy_is_named(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\")\n")
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "anatomy.bench.cli", "run", "mlp", "--cluster", "auto"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert "pip install 'keras-anatomy[cluster]'" in done.stderr
