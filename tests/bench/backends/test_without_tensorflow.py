"""JAX and torch are measured, traced and examined where TensorFlow cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anatomy.bench.xla.xspace import read_xspace

pytestmark = pytest.mark.extended

# Imported by every Python that starts with it on its path, and by those that these start.
_HIDE_TENSORFLOW = """
from importlib.machinery import PathFinder

_find = PathFinder.find_spec


def _find_all_but_tensorflow(name, path=None, target=None):
    return None if name.partition(".")[0] == "tensorflow" else _find(name, path, target)


PathFinder.find_spec = _find_all_but_tensorflow
"""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python with these arguments where `import tensorflow` raises; what it prints."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_HIDE_TENSORFLOW)
    path = os.pathsep.join(part for part in (str(site), os.environ.get("PYTHONPATH", "")) if part)

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with pytest.raises(AssertionError, match="No module named 'tensorflow'"):
        call("-c", "import tensorflow")
    return call


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_case_is_run_and_profiled_and_shown_by_tensorboard(backend: str, run: Run, tmp_path: Path) -> None:
    anatomy = ("-m", "anatomy.bench.cli")
    inspected = json.loads(run(*anatomy, "inspect", "mlp", "--backend", backend, "--json"))
    run(*anatomy, "run", "mlp", "--backend", backend, "--mode", "train", "--steps", "3", "--profile", "--out", "run")
    (record,) = (json.loads(line) for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines())
    assert record["outcome"] == "ok"
    assert record["parameters"] == inspected["parameters"] > 0
    (trace,) = (tmp_path / "run" / "tensorboard").rglob("*.xplane.pb")
    assert any(line.events for plane in read_xspace(trace) for line in plane.lines)
    assert list((tmp_path / "run" / "tensorboard").rglob("events.out.tfevents.*.scalars"))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_machine_is_examined(backend: str, run: Run) -> None:
    found = json.loads(
        run("-m", "anatomy.bench.cli", "doctor", "--backend", backend, "--no-ceilings", "--no-noise", "--json")
    )
    assert {"memory", "timer"} <= {row["name"] for row in found["fitness"]}
