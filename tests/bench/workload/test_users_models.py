"""Models as people write them, measured by real workers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.batch_sizes import with_batch_size
from anatomy.bench.records.case import Case
from tests.bench.conftest import TESTS, Measure
from tests.marks import extended_but

pytestmark = pytest.mark.backends

MODELS = TESTS / "data" / "users_models.py"
GIVEN = {
    "open_text": {"words": "40"},
    "subclassed": {"ids": "12:int32"},
    "autoencoder": {"": "16"},
    "taped": {"": "16"},
    "ragged": {"": "20"},
}
OUTCOMES: dict[str, dict[str, str]] = {
    "train": {
        **dict.fromkeys(
            [
                "two_towers",
                "encoder",
                "nested",
                "open_text",
                "subclassed",
                "autoencoder",
                "masked_loss",
                "reader",
                "half_used",
                "eager",
                "transferred",
                "with_data",
                "with_dataset",
                "subclass_within",
                "open_einsum",
                "own_policy",
            ],
            "ok",
        ),
        "frozen": "unsupported",
        "typo_in_loss": "crashed",
        "threshold": "ok",
    },
    "infer": dict.fromkeys(
        [
            "two_towers",
            "encoder",
            "nested",
            "subclassed",
            "zero_head",
            "threshold",
            "frozen",
            "with_data",
            "hashed",
            "subclass_within",
        ],
        "ok",
    ),
    "fit": {"with_data": "ok", "with_dataset": "ok", "two_towers": "ok"},
    "predict": {"nested": "ok", "with_dataset": "ok"},
    "count": {"open_text": "ok", "subclassed": "ok", "autoencoder": "ok"},
}
# TensorFlow alone runs them; why the others cannot.
TENSORFLOWS = {
    "ragged": "ragged=True` is not supported with the {}",
    "hashed": r"layers that compute with TensorFlow \(Hashing\), which a training step on {} cannot do",
    "taped": "use --backend tensorflow|{} gives it state and data",
}
BACKENDS = [backend for backend in installed_backends() if backend != "openvino"]


def case_of(name: str, backend: Any, mode: Any, **options: Any) -> Case:
    return Case(
        model=f"{MODELS}:{name}", options=options, backend=backend, mode=mode, batch_size=8, inputs=GIVEN.get(name, {})
    )


@pytest.mark.parametrize("backend", extended_but(BACKENDS, "jax"))
def test_they_are_measured_as_they_are(measure: Measure, backend: str) -> None:
    expected = {(name, mode): said for mode, models in OUTCOMES.items() for name, said in models.items()}
    records = measure([case_of(name, backend, mode) for name, mode in expected], seconds=0.1, warmup_budget_s=0.2)
    found = dict(zip(expected, records, strict=True))
    wrong = {key: (r.outcome, r.reason) for key, r in found.items() if r.outcome != expected[key]}
    assert not wrong
    assert found["frozen", "train"].reason.endswith("is frozen, so there is nothing to train; use --mode infer")
    assert found["half_used", "train"].checks["weights move"] == "passed; 2 of 6 weights did not move: b/kernel, b/bias"
    assert found["eager", "train"].settings["run_eagerly"]
    assert not found["eager", "train"].settings["jit"]
    assert found["transferred", "train"].counts is not None
    assert found["transferred", "train"].counts.macs == 72
    assert found["threshold", "train"].checks["weights move"].startswith("not checked: the gradient is 0")
    for name in ("zero_head", "threshold"):
        assert found[name, "infer"].checks["outputs depend on inputs"].startswith("passed; with other weights")
    assert found["subclassed", "count"].counts == found["subclassed", "train"].counts
    drawn = {item.path: item.range for item in found["two_towers", "train"].inputs}
    assert drawn == {"item": (0, 8999), "user": (0, 49)}
    assert found["own_policy", "train"].settings["dtype_policy"] == "mixed_bfloat16"
    assert found["typo_in_loss", "train"].reason == "NameError: name 'opps' is not defined"
    assert [item.why for item in found["with_data", "fit"].inputs] == ["given with the model"]


HOARDER = """
import keras
hoard = bytearray(b"1") * (400 << 20)
def build(): return keras.Sequential([keras.Input((16,)), keras.layers.Dense(4)])
"""


@pytest.mark.parametrize("backend", extended_but(BACKENDS, "jax"))
def test_what_only_tensorflow_runs_is_unsupported_elsewhere(measure: Measure, backend: str) -> None:
    for name, record in zip(
        TENSORFLOWS, measure([case_of(name, backend, "train") for name in TENSORFLOWS], seconds=0.1), strict=True
    ):
        # Torch's step is not compiled: it may hash with TensorFlow as it goes.
        runs = backend == "tensorflow" or (name, backend) == ("hashed", "torch")
        assert record.outcome == ("ok" if runs else "unsupported"), record.reason
        if not runs:
            assert not record.reason.startswith("NotImplementedError")
            assert re.search(TENSORFLOWS[name].format(backend), record.reason, re.IGNORECASE), record.reason
        elif name == "ragged":
            assert record.inputs[0].range == (0, 499)
            assert "padd" in record.inputs[0].why


def test_what_a_module_imports_is_not_the_models_memory(measure: Measure, tmp_path: Path) -> None:
    (tmp_path / "hoarder.py").write_text(HOARDER)
    (record,) = measure([Case(model=f"{tmp_path}/hoarder.py:build", backend="jax", mode="infer", batch_size=8)])
    assert record.outcome == "ok", record.reason
    assert record.base_host_bytes is not None
    assert record.base_host_bytes > 400 << 20
    assert record.peak_host_above_base_bytes is not None
    assert record.peak_host_above_base_bytes < 200 << 20


def test_a_dataset_says_the_batch_size_where_the_user_does_not(measure: Measure) -> None:
    """The record is that of a case with the dataset's batch size, not of the case that was planned."""
    planned = [
        case_of("with_dataset", "jax", mode).model_copy(update={"inputs": {}, "batch_size": 32})
        for mode in ("fit", "infer")
    ]
    records = measure(planned, batch_of_dataset=True)
    assert [(record.outcome, record.reason, record.case.batch_size) for record in records] == [("ok", "", 8)] * 2
    assert records[0].inputs[0].shape == (8, 20)
    assert records[0].key == with_batch_size(planned[0], 8).key


@pytest.mark.parametrize(
    ("name", "options", "mode", "said"),
    [
        ("open_text", {"dtype": "float32"}, "train", "is open: give its size"),
        ("with_data", {"examples": 4}, "train", "4 examples came with the model, and a step takes 8"),
        ("with_dataset", {}, "fit", "has batches of 8 examples: fit reads them as they are, so use --batch-size 8"),
    ],
)
def test_what_is_to_be_given_is_said(measure: Measure, name: str, options: Any, mode: Any, said: str) -> None:
    case = case_of(name, "jax", mode, **options).model_copy(update={"inputs": {}})
    if name == "with_dataset":
        case = case.model_copy(update={"batch_size": 16})
    (record,) = measure([case])
    # Not skipped by pytest, as what cannot be done at all: it is to be given otherwise.
    assert record.outcome == ("unsupported" if name == "open_text" else "crashed")
    assert said in record.reason
