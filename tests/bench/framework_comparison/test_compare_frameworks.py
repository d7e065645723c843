"""`anatomy compare-frameworks`, from the command line to the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.framework_comparison.compared_cases import chosen_frameworks, compared_pairs
from anatomy.bench.records.case import Case
from anatomy.bench.records.keras_cost import KerasCost

COMMAND = [sys.executable, "-m", "anatomy.bench.cli", "compare-frameworks"]


def test_a_pair_differs_in_its_backend_alone() -> None:
    case = Case(model="mlp", backend="torch", mode="train", batch_size=8, inputs={"": "3"})
    (pair,) = compared_pairs([case, case.model_copy(update={"mode": "fit"}), Case(model="mlp", backend="openvino")])
    assert pair.native.backend == "native-torch"
    assert pair.native.fields() | {"backend": "torch"} == case.fields()


def test_frameworks_are_named() -> None:
    assert chosen_frameworks(["torch,jax"]) == ["jax", "torch"]
    assert len(chosen_frameworks(None)) == 3
    with pytest.raises(UsageError, match="keras"):
        chosen_frameworks(["keras"])


@pytest.mark.backends
@pytest.mark.extended
def test_the_cost_of_keras_is_measured_explained_and_reported(tmp_path: Path) -> None:
    options = ["mlp", "tests.bench.native.own_translations:missing", "--frameworks", "jax", "--mode", "infer"]
    done = subprocess.run(
        [*COMMAND, *options, "--batch-size", "8", "--minutes", "0", "--out", str(tmp_path / "run"), "--json"],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 4, done.stdout + done.stderr
    measured, refused = map(KerasCost.model_validate, map(json.loads, done.stdout.splitlines()))
    assert measured.outcome == "ok", measured.reason
    assert measured.ratio
    assert measured.interval
    assert len(measured.effects) >= 3
    assert "agree within" in measured.agreement
    assert refused.outcome == "unsupported"
    assert "Unknown" in refused.reason
    page = (tmp_path / "run" / "report.html").read_text()
    assert "What Keras costs" in page
    assert "Where the time goes" in page


@pytest.mark.backends
def test_nothing_to_compare_is_a_usage_error() -> None:
    done = subprocess.run([*COMMAND, "mlp", "--mode", "fit"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "nothing to compare" in done.stderr
