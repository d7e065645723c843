"""This repository's benchmark items, with the plugins that an installation without the test extras has."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from anatomy.bench.records.case import KERAS_BACKENDS
from anatomy.bench.records.run_store import load_run
from anatomy.models import parse_model, zoo

ROOT = Path(__file__).parents[3]
PLUGINS = ("-p", "anatomy.bench.pytest_plugin.plugin", "-p", "pytest_benchmark.plugin")


def run_pytest(*arguments: str) -> list[str]:
    """Run pytest in the repository's folder; return what it printed."""
    command = [sys.executable, "-m", "pytest", *PLUGINS, "-q", "-p", "no:cacheprovider", *arguments]
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**outer, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--benchmark"], ["bench"], ["bench/benchmark_items/test_zoo.py"]])
def test_the_items_and_nothing_else_are_collected_without_the_test_extras(arguments: list[str]) -> None:
    items = [line for line in run_pytest("--collect-only", *arguments) if "::" in line]
    assert all(item.startswith("bench/benchmark_items/test_zoo.py::test_") for item in items)
    inference = {tuple(re.findall(r"test_inference\[(\w+)-infer-b8-float32-(\w+)", item)) for item in items}
    assert inference - {()} == {((backend, model.name),) for backend, model in product(KERAS_BACKENDS, zoo())}
    assert sum("test_training" in item for item in items) == 3 * 3


def test_the_items_are_the_whole_zoo_with_options_that_it_takes() -> None:
    items = runpy.run_path(str(ROOT / "bench" / "benchmark_items" / "test_zoo.py"))
    assert [parse_model(text).model for text in items["ARCHITECTURES"]] == [architecture.name for architecture in zoo()]


@pytest.mark.backends
def test_an_item_is_measured_without_the_test_extras(tmp_path: Path) -> None:
    run_pytest("--benchmark", "-k", "test_inference and jax and mlp", "--anatomy-out", str(tmp_path / "run"))
    (record,) = load_run(tmp_path / "run").records
    assert (record.outcome, record.case.mode, record.case.options) == ("ok", "infer", {"model": "mlp"})
