"""Which loss belongs to which output of a model that comes compiled, and that it trains on targets for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from anatomy.bench.backends.step import Batch
from anatomy.bench.workload.compile_model import compile_model, dtype_policy, loss_names, optimizer_bytes, optimizers
from anatomy.bench.workload.model_outputs import declared_outputs
from anatomy.bench.workload.synthetic_batch import draw_batch, plan_inputs
from anatomy.reports.flops_utilisation import OPTIMIZER_SLOTS
from tests.bench.conftest import Measure, cases_of
from tests.data.models_with_several_outputs import LOSSES, compiled_with

MODELS = "data/models_with_several_outputs.py"
CLASSES, SQUARES = "sparse_categorical_crossentropy", "mean_squared_error"


@pytest.mark.parametrize(
    ("losses", "keyed", "expected"),
    [
        (LOSSES, False, [CLASSES, SQUARES]),
        ({"a": CLASSES, "b": "mse"}, False, [CLASSES, SQUARES]),
        ({"b": "mse", "a": None}, False, ["None", SQUARES]),
        ((CLASSES, "mse"), False, [CLASSES, SQUARES]),
        ("mse", False, [SQUARES, SQUARES]),
        # Keras flattens a dict by its sorted keys: x, y.
        ({"y": CLASSES, "x": "mse"}, True, [SQUARES, CLASSES]),
        ({"y": CLASSES}, True, ["None", CLASSES]),
    ],
)
def test_losses_are_those_of_the_outputs_in_order(losses: Any, keyed: bool, expected: list[str]) -> None:
    model = compiled_with(losses, keyed)
    assert compile_model(model, "auto", {}).losses == loss_names(model) == expected


@pytest.mark.parametrize(
    ("losses", "keyed", "named"),
    [({"b": "mse"}, False, r"\['a', 'b'\]"), ({"c": "mse"}, True, r"\['x', 'y'\]"), ({"a": "mse"}, True, "'x', 'y'")],
)
def test_a_dict_that_does_not_name_the_outputs_is_refused(losses: Any, keyed: bool, named: str) -> None:
    with pytest.raises(ValueError, match=f"its outputs are .*{named}.*give `loss` each of these names"):
        loss_names(compiled_with(losses, keyed))


def test_targets_are_drawn_for_the_outputs_that_they_are_compared_with() -> None:
    model = compiled_with(LOSSES)
    classes, numbers = drawn(model, 5).y
    assert (classes.shape, classes.dtype.name) == ((5,), "int32")
    assert (numbers.shape, numbers.dtype.name) == ((5, 2), "float32")


def drawn(model: Any, size: int) -> Batch:
    shapes = [(size, *output.shape[1:]) for output in declared_outputs(model)]
    return draw_batch(plan_inputs(model, size, {}), shapes, loss_names(model))


@pytest.mark.backends
def test_such_models_train(measure: Measure) -> None:
    names = ("in_another_order", "one_without_a_loss", "keyed_with_one_left_out")
    cases = cases_of([f"{MODELS}:{name}" for name in names], backend="jax", mode="train", batch_size=16)
    for record in measure(cases, seconds=0.2):
        assert record.outcome == "ok", f"{record.name}: {record.reason}"
        assert record.checks["loss goes down"] == "passed"


@pytest.mark.parametrize("loss", ["bce", "BinaryCrossentropy", keras.losses.BinaryCrossentropy, "binary_crossentropy"])
def test_a_loss_has_one_name_however_it_was_given(loss: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(loss=loss)
    assert loss_names(model) == ["binary_crossentropy"]
    assert set(drawn(model, 50).y.ravel().tolist()) == {0, 1}


def built_optimizer(optimizer: Any) -> Any:
    """With what it keeps for a dense layer of 6 by 7 with a bias, all float32."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(7)])
    optimizer.build(model.trainable_variables)
    return optimizer


@pytest.mark.parametrize("name", sorted(OPTIMIZER_SLOTS))
def test_the_reports_table_of_slots_is_keras_s(name: str) -> None:
    given = {"momentum": 0.9} if name == "SGD" else {}
    kept = optimizer_bytes(built_optimizer(getattr(keras.optimizers, name)(**given)))
    # Nadam's running product and such are single numbers.
    assert kept // (4 * 49) == OPTIMIZER_SLOTS[name]
    assert kept % (4 * 49) <= 4


@pytest.mark.parametrize(
    ("optimizer", "values"),
    [
        (keras.optimizers.SGD(), 0),
        (keras.optimizers.Adam(amsgrad=True), 3 * 49),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), 2 * 49),
        # One number a row and one a column, two for a vector, and the update itself.
        (keras.optimizers.Adafactor(), 6 + 7 + 2 + 49),
    ],
    ids=["no momentum", "amsgrad", "loss scale", "factored"],
)
def test_what_an_optimizer_keeps_is_asked_of_itself(optimizer: Any, values: int) -> None:
    kept = optimizer_bytes(built_optimizer(optimizer))
    # The scale of a loss, and the counters around it, are single numbers.
    assert 4 * values <= kept <= 4 * (values + 3)


# numpy says it of what Keras writes.
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_an_optimizer_that_was_built_for_no_weight_is_made_anew(tmp_path: Path) -> None:
    """Keras leaves such a one when it reads a `.h5` file of a model that was compiled and never fitted."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.25), keras.losses.MeanSquaredError())
    model.save(tmp_path / "model.h5")
    loaded = keras.saving.load_model(tmp_path / "model.h5")
    assert loaded.optimizer.built
    compile_model(loaded, "auto", {})
    assert not loaded.optimizer.built
    assert float(loaded.optimizer.learning_rate.numpy()) == 0.25
    loaded.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)


def test_the_optimizers_of_a_step_of_its_own_are_named() -> None:
    class Pair(keras.Model):
        def train_step(self, data: Any) -> Any:
            return {}

    pair = Pair()
    pair.compile()
    pair.one, pair.two = keras.optimizers.Adam(), keras.optimizers.SGD()
    assert [type(one).__name__ for one in optimizers(pair)] == ["Adam", "SGD"]
    plain = keras.Sequential([keras.layers.Dense(2)])
    plain.compile("adamw")
    assert [type(one).__name__ for one in optimizers(plain)] == ["AdamW"]


def test_the_dtype_policy_is_that_of_the_layers() -> None:
    x = keras.Input((4,))
    mixed = keras.layers.Dense(2, dtype="mixed_bfloat16")(x)
    assert dtype_policy(keras.Model(x, mixed)) == "mixed_bfloat16"
    assert dtype_policy(keras.Model(x, keras.layers.Dense(2)(mixed))) == "mixed_bfloat16, float32"
    assert dtype_policy(keras.Model(x, keras.layers.ReLU()(x))) == "float32"
