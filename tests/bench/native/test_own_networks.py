"""Networks of the user's own: measured by themselves and through Keras, counted, and refused with a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.records.case import Case
from tests.bench.conftest import Measure
from tests.bench.native.comparisons import false_facts, require_installed
from tests.marks import extended_but

NETWORKS = "tests.bench.native.own_networks"
IMAGES, IDS, ROWS = {"": "3x8x8"}, {"": "12:int64"}, {"": "6"}


def case_of(name: str, backend: str, mode: str, inputs: dict[str, str] | None = None, **axes: Any) -> Case:
    given = {"model": f"{NETWORKS}:{name}", "backend": backend, "mode": mode, "batch_size": 8, "inputs": inputs or {}}
    return Case.model_validate(given | axes)


@pytest.mark.backends
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_step_is_that_of_a_loop_by_hand(backend: str) -> None:
    assert false_facts("own_network_facts", backend) == []


@pytest.mark.backends
@pytest.mark.parametrize("mode", extended_but(["infer", "train"], "train"))
def test_a_module_is_measured_by_itself_and_through_keras(mode: str, measure: Measure) -> None:
    require_installed("torch")
    plain, ids, own, through_keras = measure(
        [
            case_of("cnn", "native-torch", mode, IMAGES),
            case_of("words", "native-torch", mode, IDS),
            case_of("cnn_with_data", "native-torch", mode),
            case_of("cnn_with_data", "torch", mode),
        ]
    )
    for record in (plain, ids, own):
        assert record.outcome == "ok", record.reason
        assert "agree within" in record.checks["agrees with Keras"]
    assert through_keras.outcome == "ok", through_keras.reason
    assert ids.counts is not None
    assert (ids.counts.parameters, ids.counts.trainable_parameters) == (812, 412)
    assert plain.settings.get("loss") == ("sparse_categorical_crossentropy from logits" if mode == "train" else None)
    assert "a torch module of the user's own" in plain.not_measured["script"]


@pytest.mark.backends
@pytest.mark.parametrize("mode", extended_but(["infer", "train"], "train"))
def test_a_function_is_measured_by_itself_and_through_keras(mode: str, measure: Measure) -> None:
    require_installed("jax")
    cases = [case_of("mlp", "native-jax", mode, ROWS), case_of("mlp_with_data", "native-jax", mode)]
    plain, own, through_keras = measure([*cases, case_of("mlp", "jax", mode, ROWS)])
    for record in (plain, own):
        assert record.outcome == "ok", record.reason
        assert "agree within" in record.checks["agrees with Keras"]
    assert through_keras.outcome == "ok", through_keras.reason
    assert plain.counts is not None
    assert (plain.counts.parameters, plain.counts.uncounted) == (180, ["network (HeldFunction)"])


@pytest.mark.backends
@pytest.mark.extended
def test_further_data_and_keras_own_loops(measure: Measure) -> None:
    require_installed("torch")
    cases = [case_of(name, "native-torch", "train") for name in ("cnn_with_inputs", "cnn_with_numbers", "two_inputs")]
    cases += [case_of("cnn_with_data", "native-torch", "train", jit="on"), case_of("cnn_with_data", "torch", "fit")]
    records = measure(cases)
    assert {record.name: record.reason for record in records if record.outcome != "ok"} == {}
    assert [record.settings["loss"] for record in records[:2]] == [
        "sparse_categorical_crossentropy from logits",
        "mean_squared_error",
    ]


@pytest.mark.backends
@pytest.mark.parametrize("mode", extended_but(["infer", "train"], "train"))
def test_a_network_that_computes_something_else_each_time_is_invalid(mode: str, measure: Measure) -> None:
    require_installed("torch")
    (record,) = measure([case_of("counting", "native-torch", mode, ROWS)])
    assert record.outcome == "invalid"
    assert f"does not {'train as Keras' if mode == 'train' else 'compute what Keras'} does" in record.reason


@pytest.mark.backends
def test_what_cannot_be_measured_says_what_to_give(measure: Measure) -> None:
    require_installed("torch")
    refused = {
        "give --input-shape, for instance --input-shape 3x32x32": case_of("cnn", "native-torch", "infer"),
        "give dtype and range of its input, for instance --input-shape 12:int64:0..99": case_of(
            "words", "native-torch", "infer", {"": "12"}
        ),
        "no loss is known for these": case_of("cnn_with_pixels", "native-torch", "train"),
        "is a JAX function, which native-torch does not run: use --backend native-jax": case_of(
            "mlp", "native-torch", "infer", ROWS
        ),
        "is a torch module, which onnxruntime does not run: use --backend native-torch": case_of(
            "cnn", "onnxruntime", "infer", IMAGES
        ),
        "weights have their own dtype; leave --dtype out": case_of(
            "cnn", "torch", "infer", IMAGES, dtype="mixed_bfloat16"
        ),
    }
    records = measure(list(refused.values()))
    for words, record in zip(refused, records, strict=True):
        assert record.outcome == "unsupported", record.reason
        assert words in record.reason
    (unready,) = measure([case_of("lazy", "native-torch", "infer")], folder="unready")
    assert "call the module once before it is returned" in unready.reason
