"""`pytest --benchmark --anatomy-against`: the decision is the item's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from anatomy.bench.regression_gate.gate_result import RESULT_FILE, GateResult
from tests.bench.regression_gate.conftest import NETS, Done, Project

pytestmark = pytest.mark.backends

MARK = '@pytest.mark.anatomy(backend=["jax"], mode=["infer"], batch_size=[256]{tolerate})'
TESTS = f"""
import pytest
from nets import net

{MARK.format(tolerate=', tolerate={"step": "60%..300%"}')}
def test_kept():
    return net()

{MARK.format(tolerate="")}
def test_NAME():
    return net()

def test_no_benchmark():
    pass
"""
CONFIGURATION = """
[tool.pytest.ini_options]
pythonpath = ["."]
[tool.anatomy.gate.tolerate]
step = "60%..300%"
compile = "any"
peak_host = "any"
"""


def run_pytest(project: Project, *arguments: str) -> Done:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def tested(project: Project) -> Project:
    project.commit(test_speed=TESTS.replace("NAME", "old"), **{"pyproject.toml": CONFIGURATION})
    return project


@pytest.mark.quiet
@pytest.mark.extended
def test_each_item_decides_and_what_is_gone_or_new_fails(tested: Project, tmp_path: Path) -> None:
    tested.commit(test_speed=TESTS.replace("NAME", "new"), nets=NETS.format(layers=30))
    junit, out, written = tmp_path / "junit.xml", tmp_path / "gate", tmp_path / "benchmark.json"
    done = run_pytest(
        tested,
        "--benchmark",
        "--anatomy-against=HEAD~1",
        f"--junitxml={junit}",
        f"--anatomy-out={out}",
        f"--benchmark-json={written}",
    )
    assert done.code == 1, done.out
    cases = {case.get("name"): case for case in ElementTree.parse(junit).getroot().iter("testcase")}
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert failed == {
        "test_kept[jax-infer-b256-float32]",
        "test_new[jax-infer-b256-float32]",
        "test_old[jax-infer-b256-float32]",
    }
    assert cases["test_no_benchmark"].find("failure") is None
    assert "FAIL step time:" in done.out
    assert "missing on the base" in done.out
    assert "--anatomy-allow-new" in done.out
    assert "missing on the candidate: the base measures it" in done.out
    result = GateResult.model_validate_json((out / RESULT_FILE).read_text())
    assert [(case.verdict, case.item) for case in result.cases] == [
        ("FAIL", "test_speed.py::test_kept[jax-infer-b256-float32]"),
        ("FAIL", "test_speed.py::test_new[jax-infer-b256-float32]"),
    ]
    assert (out / "gate.html").exists()
    (shown,) = json.loads(written.read_text())["benchmarks"]
    assert shown["extra_info"]["verdict"] == "FAIL"


@pytest.mark.quiet
@pytest.mark.extended
def test_identical_code_passes(tested: Project) -> None:
    done = run_pytest(tested, "--benchmark", "--anatomy-against", "HEAD", "-k", "kept")
    assert done.code == 0, done.out
    assert "1 passed" in done.out
    assert "anatomy: comparison in anatomy-runs/gate-" in done.out
