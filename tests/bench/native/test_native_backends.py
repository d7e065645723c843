"""Native backends from the case to the record: measured, proved, and refused with a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anatomy.bench.records.case import NATIVE_BACKENDS, Case
from anatomy.bench.records.run_store import SCRIPTS_FOLDER
from tests.bench.conftest import Measure, cases_of

MODELS = "tests.bench.native.own_translations"
# Runs a script as a machine without Keras would.
_WITHOUT_KERAS = "import runpy, sys; sys.modules['keras'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"


@pytest.mark.backends
@pytest.mark.parametrize(
    ("backend", "mode"),
    [
        ("native-jax", "infer"),
        ("native-torch", "train"),
        *(
            pytest.param(backend, mode, marks=pytest.mark.extended)
            for backend in NATIVE_BACKENDS
            for mode in ("infer", "train")
            if (backend, mode) not in (("native-jax", "infer"), ("native-torch", "train"))
        ),
    ],
)
def test_a_model_in_own_layers_computes_what_keras_does(
    backend: str, mode: str, measure: Measure, tmp_path: Path
) -> None:
    (case,) = cases_of(["resnet:depth=8"], backend=[backend], mode=[mode], batch_size=[4])
    (record,) = measure([case])
    if (backend, mode) == ("onnxruntime", "train"):
        assert record.outcome == "unsupported"
        return
    assert record.outcome == "ok", record.reason
    assert "agree within" in record.checks["agrees with Keras"]
    assert record.throughput_examples_per_s
    if backend != "onnxruntime":
        script = tmp_path / "run" / SCRIPTS_FOLDER / f"{case.key}.py"
        done = subprocess.run(
            [sys.executable, "-c", _WITHOUT_KERAS, str(script)], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert "throughput" in done.stdout
        assert "import keras" not in script.read_text()


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", NATIVE_BACKENDS[:3])
def test_models_in_own_layers_train_as_keras_does(backend: str, measure: Measure) -> None:
    models = [
        "lstm:layers=2,units=8",
        "unet:depth=2,base_filters=4,input_shape=16x16x1",
        "unet:depth=4,base_filters=8,input_shape=64x64x1",
        "text_cnn:vocabulary=500,embedding_dim=8,length=200",
        "rcnn:words=8,embedding_dim=8,lstm_units=8,dense_units=8",
    ]
    records = measure(cases_of(models, backend=[backend], mode=["train"], batch_size=[4]))
    assert {record.name: record.reason for record in records if record.outcome != "ok"} == {}


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_a_registered_translation_is_used_and_a_wrong_one_is_found(mode: str, measure: Measure) -> None:
    cases = cases_of([f"{MODELS}:right", f"{MODELS}:wrong"], backend=["native-jax"], mode=[mode], batch_size=[8])
    right, wrong = measure(cases)
    assert right.outcome == "ok", right.reason
    assert wrong.outcome == "invalid"
    assert f"does not {'train as Keras' if mode == 'train' else 'compute what Keras'} does" in wrong.reason


@pytest.mark.backends
@pytest.mark.extended
def test_a_step_of_kerass_own_that_fails_is_named(measure: Measure) -> None:
    model = "unet:depth=2,base_filters=4,input_shape=24x24x1,padding=valid,upsampling=transpose,classes=2"
    (record,) = measure(cases_of([model], backend=["native-torch"], mode=["train"], batch_size=[2]))
    assert record.outcome == "unsupported", record.reason
    assert record.reason.startswith("Keras's own training step on torch fails")
    assert "grad_input must be contiguous" in record.reason


def test_what_has_no_translation_is_named(measure: Measure) -> None:
    cases = cases_of([f"{MODELS}:missing", f"{MODELS}:subclassed"], backend=["native-jax"], mode=["infer"])
    missing, subclassed = measure(cases)
    assert missing.outcome == subclassed.outcome == "unsupported"
    assert "Unknown" in missing.reason
    assert "@translates" in missing.reason
    assert "call of its own" in subclassed.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "fit"}, "use --mode train or infer"),
        ({"devices": 2}, "leave --devices out"),
        ({"dtype": "mixed_bfloat16"}, "leave --dtype out"),
        ({"backend": "onnxruntime", "mode": "train"}, "use --mode infer"),
    ],
)
def test_what_cannot_be_is_refused_before_a_process_starts(
    change: dict[str, object], words: str, measure: Measure
) -> None:
    case = Case.model_validate({"model": "mlp", "backend": "native-jax", "mode": "infer", "batch_size": 4} | change)
    (record,) = measure([case])
    assert record.outcome == "unsupported"
    assert words in record.reason
