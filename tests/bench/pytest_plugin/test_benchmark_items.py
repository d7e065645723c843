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

from anatomy.bench.records.case import BACKENDS
from anatomy.models import parse_model, zoo

ROOT = Path(__file__).parents[3]
PLUGINS = ("-p", "anatomy.bench.pytest_plugin.plugin", "-p", "pytest_benchmark.plugin")


def collected(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", *PLUGINS, "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**outer, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--benchmark"], ["bench"], ["bench/benchmark_items/test_zoo.py"]])
def test_the_items_and_nothing_else_are_collected_without_the_test_extras(arguments: list[str]) -> None:
    items = collected(*arguments)
    assert all(item.startswith("bench/benchmark_items/test_zoo.py::test_") for item in items)
    inference = {tuple(re.findall(r"test_inference\[(\w+)-infer-b8-float32-(\w+)", item)) for item in items}
    assert inference - {()} == {((backend, model.name),) for backend, model in product(BACKENDS, zoo())}
    assert sum("test_training" in item for item in items) == 3 * 3


def test_the_items_are_the_whole_zoo_with_options_that_it_takes() -> None:
    items = runpy.run_path(str(ROOT / "bench" / "benchmark_items" / "test_zoo.py"))
    assert [parse_model(text).model for text in items["ARCHITECTURES"]] == [architecture.name for architecture in zoo()]
