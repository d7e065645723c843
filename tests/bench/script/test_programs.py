"""Scripts of the whole zoo on each backend: their text, the models they build, the figures they print."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Backend, Mode
from anatomy.bench.records.run_store import SCRIPTS_FOLDER
from anatomy.bench.script.code_layout import code_lines
from tests.bench.conftest import Measure, cases_of
from tests.bench.script.zoo import TINY
from tests.marks import extended_but

HERE = Path(__file__).parent
# Lines of code.
LONGEST = 60

Scripts = dict[str, Path]


@pytest.fixture(scope="module")
def scripts_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Backend], Scripts]:
    """Path of each tiny model's script, written by one process a backend."""
    made: dict[Backend, Scripts] = {}

    def make(backend: Backend) -> Scripts:
        if backend not in made:
            folder = tmp_path_factory.mktemp(backend)
            mode = "infer" if backend == "openvino" else "train"
            # Keras on OpenVINO cannot carry recurrent state from batch to batch.
            models = [model for model in TINY if not (backend == "openvino" and "stateful" in model)]
            lines = _run(backend, [HERE / "write_scripts.py", folder, mode, *models])
            made[backend] = {line["model"]: Path(line["script"]) for line in map(json.loads, lines)}
            assert list(made[backend]) == models
        return made[backend]

    return make


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "jax"))
def test_programs_are_short_and_stand_alone(backend: Backend, scripts_of: Callable[[Backend], Scripts]) -> None:
    for model, path in scripts_of(backend).items():
        text = path.read_text()
        imported = [
            name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)])
        ]
        assert not [name for name in imported if name.startswith("anatomy")], model
        assert code_lines(text) <= LONGEST, f"{model}: {code_lines(text)} lines"


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "jax"))
def test_programs_are_formatted(backend: Backend, scripts_of: Callable[[Backend], Scripts]) -> None:
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=120", "--diff"]
    done = subprocess.run([*command, *scripts_of(backend).values()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "jax"))
def test_a_loop_fed_by_a_dataset_prints_its_figure(backend: Backend, measure: Measure, tmp_path: Path) -> None:
    pytest.importorskip("ruff")
    mode = "predict" if backend == "openvino" else "fit"
    together = 1 if backend == "torch" else 4
    case = cases_of(["mlp"], backend=backend, mode=mode, batch_size=8, feed="tf.data", steps_per_execution=together)
    (record,) = measure(case)
    assert record.outcome == "ok", record.reason
    (script,) = (tmp_path / "run" / SCRIPTS_FOLDER).glob("*.py")
    assert "tf.data.Dataset" in script.read_text()
    assert ("steps_per_execution=4" in script.read_text()) == (together == 4)
    assert code_lines(script.read_text()) <= LONGEST
    figures = _run(backend, [script])
    assert float(dict(line.rsplit(maxsplit=2)[:2] for line in figures)["throughput"]) > 0
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=120", "--diff", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", installed_backends())
def test_rebuilt_models_are_the_same(backend: Backend, scripts_of: Callable[[Backend], Scripts]) -> None:
    scripts = scripts_of(backend)
    found = [json.loads(line) for line in _run(backend, [HERE / "rebuild.py", *scripts.values()])]
    assert len(found) == len(scripts)
    for model, rebuilt in zip(scripts, found, strict=True):
        assert rebuilt["missing"] == [], model
        assert rebuilt["differing"] == [], model
        # The same operations on the same numbers; threads may add them in another order.
        assert rebuilt["deviation"] < 1e-5, model


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("mode", ["train", "infer", "fit", "predict"])
@pytest.mark.parametrize("backend", installed_backends())
def test_prints_its_figures(backend: Backend, mode: Mode, tmp_path: Path) -> None:
    if backend == "openvino" and mode in ("train", "fit"):
        pytest.skip("Keras on OpenVINO predicts only")
    (line,) = _run(backend, [HERE / "write_scripts.py", tmp_path, mode, "mlp"])
    figures = dict(said.rsplit(maxsplit=2)[:2] for said in _run(backend, [json.loads(line)["script"]]))
    expected = {"throughput", "median step"} if mode in ("train", "infer") else {"throughput"}
    assert set(figures) == expected
    assert all(float(value) > 0 for value in figures.values())


def _run(backend: Backend, arguments: list[Any]) -> list[str]:
    """Lines that a program prints on one backend; its errors are shown when it fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()
