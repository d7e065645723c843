"""The life of a model: every stage has its figures, and what fails says why and stops nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import anatomy.bench as ab
from anatomy.bench.application import lifecycle
from anatomy.bench.application.exported_model import load_exported
from anatomy.bench.application.lifecycle_options import FORMATS, LifecycleOptions, lifecycle_options
from anatomy.bench.application.stages import Stage, StageClock
from anatomy.bench.backends.available import installed_backends
from anatomy.bench.cli.main import app
from anatomy.bench.errors.anatomy_error import InvalidCaseError, UsageError
from anatomy.models import build
from tests.marks import extended_but

# What numpy says of Keras's, tf2onnx's and torch's own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]

SMALL = LifecycleOptions(network="mlp:hidden=8", batch_size=4, batches=2)


def lived(options: LifecycleOptions) -> tuple[dict[str, Stage], dict[str, Exception]]:
    failed: dict[str, Exception] = {}
    clock = StageClock(failed=failed.__setitem__)
    lifecycle.run_lifecycle(options, clock)
    return {stage.name: stage for stage in clock.stages}, failed


@pytest.mark.long
def test_every_stage_has_its_figures() -> None:
    pytest.importorskip("onnxruntime")
    stages, failed = lived(SMALL)
    assert not failed
    assert tuple(stages) == SMALL.stages()
    assert all(stage.seconds > 0 for stage in stages.values())
    assert stages["fit"].loss is not None
    for name in ("load .keras", "load weights", *(f"infer {form}" for form in FORMATS)):
        # OpenVINO may compute in bfloat16.
        assert stages[name].deviation == pytest.approx(0, abs=0.02 if "OpenVINO" in name else 1e-5)
    weights = 4 * build("mlp", hidden=[8]).count_params()
    # A .keras file is compressed.
    for name in ("save .keras", "save weights", *(f"export {form}" for form in FORMATS if form != "OpenVINO")):
        assert stages[name].size_bytes > 0.8 * weights
    # Its weights may be of half the width.
    assert stages["export OpenVINO"].size_bytes > weights / 2
    for form in FORMATS:
        assert stages[f"infer {form}"].beside_s
        assert stages[f"infer {form}"].examples == 8


@pytest.mark.long
def test_a_model_that_computes_something_else_after_export_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    real = load_exported

    def off(name: str, path: Path) -> Any:
        infer = real(name, path)
        return lambda arrays: [np.roll(output, 1, axis=-1) for output in infer(arrays)]

    monkeypatch.setattr(lifecycle, "load_exported", off)
    stages, failed = lived(SMALL)
    assert "infer SavedModel" not in stages
    assert isinstance(failed["infer SavedModel"], InvalidCaseError)
    assert "the outputs deviate from Keras's own by" in str(failed["infer SavedModel"])
    assert "infer SavedModel" in failed


@pytest.mark.long
def test_what_cannot_be_exported_says_so_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(name: str, backend: str) -> None:
        raise NotImplementedError(f"{name} on {backend}: never")

    monkeypatch.setattr(lifecycle, "import_exporter", no)
    stages, failed = lived(SMALL)
    assert str(failed["export ONNX"]) == "ONNX on tensorflow: never"
    assert str(failed["load ONNX"]) == "no .onnx was written"
    assert str(failed["infer SavedModel"]) == "no SavedModel file was loaded"
    assert set(stages) | set(failed) == set(SMALL.stages())


@pytest.mark.parametrize("given", [{"batch_size": 0}, {"batches": "x"}, {"batch": 2}])
def test_wrong_options_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"lifecycle: {next(iter(given))}"):
        lifecycle_options(network="mlp", **given)


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["app", "lifecycle", *map(str, arguments)])


def names(records: Sequence[Any]) -> list[str]:
    return [record.case.options["stage"] for record in records]


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "tensorflow"))
def test_the_command_makes_a_record_for_each_stage(tmp_path: Path, backend: str) -> None:
    out = tmp_path / "run"
    done = call("mlp:hidden=8", "--batch-size", 4, "--backend", backend, "--out", out, "--no-history")
    run = ab.load_run(out)
    assert names(run.records) == list(SMALL.stages())
    outcomes = {record.case.options["stage"]: record for record in run.records}
    assert {record.outcome for record in run.records} <= {"ok", "unsupported"}
    for name in ("predict", "save .keras", "load .keras", "load weights"):
        assert outcomes[name].outcome == "ok", outcomes[name].reason
    for name in ("fit", "train_on_batch", "evaluate"):
        assert outcomes[name].outcome == ("unsupported" if backend == "openvino" else "ok")
    if backend in ("tensorflow", "torch"):
        used = outcomes["infer ONNX"]
        assert used.stage is not None, outcomes["export ONNX"].reason
        assert used.stage.beside_s
        assert used.step_median_s
        assert f"ONNX {used.stage.beside_s / used.step_median_s:.2f} ×" in (out / "report.html").read_text()
    assert "× Keras" in done.output
    # Cut short, the rest is done.
    lines = (out / "records.jsonl").read_text().splitlines()
    (out / "records.jsonl").write_text("\n".join(lines[:5]) + "\n")
    again = call("--resume", out, "--no-history", "--no-report", "--json")
    added = [json.loads(line) for line in again.stdout.splitlines() if line.startswith("{")]
    assert [record["case"]["options"]["stage"] for record in added] == list(SMALL.stages())[5:]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    for arguments, said in (
        ((), "name a model"),
        (("vggg",), "unknown model 'vggg'; did you mean 'vgg'?"),
        (("mlp", "--processes", 0), "--processes 0: expected 1 or more"),
        (("mlp", "--resume", tmp_path), "leave out MODEL"),
    ):
        done = call(*arguments)
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())
