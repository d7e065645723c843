"""JAX and torch are measured, traced and examined where TensorFlow cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anatomy.bench.xla.xspace import Event, Line, read_xspace
from tests.bench.gpu_trace.hand_made import GEMM, kernel, launch, write_kineto, write_xplane

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
    assert record["counts"]["parameters"] == inspected["parameters"] > 0
    (trace,) = (tmp_path / "run" / "tensorboard").rglob("*.xplane.pb")
    assert any(line.events for plane in read_xspace(trace) for line in plane.lines)
    assert list((tmp_path / "run" / "tensorboard").rglob("events.out.tfevents.*.scalars"))


def test_traces_of_both_formats_are_explained(run: Run, tmp_path: Path) -> None:
    kineto = write_kineto(tmp_path / "torch.json", [launch(1), kernel(GEMM, 5, 2)])
    xspace = write_xplane(tmp_path / "jax.xplane.pb", [Line("Stream #7(Compute)", (Event(GEMM, 5000, 2000),))])
    first, second = json.loads(run("-m", "anatomy.bench.cli", "trace", str(kineto), str(xspace), "--json"))
    assert [one["devices"][0]["whole"]["kernel_ns"] for one in (first, second)] == [2000, 2000]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_machine_is_examined(backend: str, run: Run) -> None:
    found = json.loads(
        run("-m", "anatomy.bench.cli", "doctor", "--backend", backend, "--no-ceilings", "--no-noise", "--json")
    )
    assert {"memory", "timer"} <= {row["name"] for row in found["fitness"]}


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_two_sides_are_gated(backend: str, run: Run, tmp_path: Path) -> None:
    """Rules so wide that a few pairs decide, on whatever machine."""
    rules = ("--tolerate", "step=300%", "--tolerate", "train.compile=300%", "--tolerate", "peak_host=50%")
    options = ("--backend", backend, "--mode", "train", "--candidate", "env:ANATOMY_SIDE=other", "--minutes", "4")
    gated = json.loads(run("-m", "anatomy.bench.cli", "gate", "mlp", *options, *rules, "--json", "--out", "gate"))
    (case,) = gated["cases"]
    verdicts = {metric["metric"]: metric["verdict"] for metric in case["metrics"]}
    assert (case["verdict"], verdicts["step"], verdicts["parameters"]) == ("PASS", "PASS", "PASS")
    assert (tmp_path / "gate" / "gate.html").exists()
