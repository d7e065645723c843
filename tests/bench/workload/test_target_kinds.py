"""A loss of the model's own gets targets that it takes; one that takes none is named."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from anatomy.bench.workload.compile_model import compile_model, trains_itself
from anatomy.bench.workload.learnable_data import draw_targets
from anatomy.bench.workload.model_outputs import ModelOutput, activation_of, declared_outputs
from anatomy.bench.workload.target_kinds import target_kinds
from tests.data import users_models


def ids_only(y_true: Any, y_pred: Any) -> Any:
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def rows_only(y_true: Any, y_pred: Any) -> Any:
    return keras.losses.categorical_crossentropy(y_true, y_pred)


def nothing_fits(y_true: Any, y_pred: Any) -> Any:
    raise RuntimeError(f"never {y_true.shape} {y_true.dtype}")


def has_a_fault(y_true: Any, y_pred: Any) -> Any:
    raise RuntimeError("MY LOSS RAN")


@pytest.mark.parametrize(
    ("loss", "shape", "activation", "expected"),
    [
        (ids_only, (8, 5), "softmax", "sparse_categorical_crossentropy"),
        (ids_only, (8, 6, 5), "softmax", "sparse_categorical_crossentropy"),
        (rows_only, (8, 5), "softmax", "categorical_crossentropy"),
        (lambda y, p: ops.mean(ops.square(y - p), -1), (8, 5), "", "mean_squared_error"),
        (lambda y, p: ops.mean(ops.square(y - p)), (8, 4, 4, 1), "sigmoid", "binary_crossentropy"),
        (keras.losses.Poisson(), (8, 5), "", "poisson"),
    ],
)
def test_targets_are_those_that_the_loss_takes(loss: Any, shape: Any, activation: str, expected: str) -> None:
    name = getattr(loss, "name", "own")
    assert target_kinds([loss], [name], [ModelOutput("y", shape, "float32", activation)]) == [expected]


def test_a_loss_that_takes_nothing_is_named_with_what_was_tried() -> None:
    with pytest.raises(NotImplementedError, match=r"'nothing_fits' of output 'y' takes .*RuntimeError.*return"):
        target_kinds([nothing_fits], ["nothing_fits"], [ModelOutput("y", (8, 5), "float32", "softmax")])


@pytest.mark.parametrize(
    ("loss", "holds"),
    [
        ("poisson", lambda y: (y >= 0).all()),
        ("hinge", lambda y: set(np.unique(y)) == {-1, 1}),
        ("kl_divergence", lambda y: np.allclose(y.sum(-1), 1)),
        ("mean_absolute_percentage_error", lambda y: (y > 0).all()),
        ("ctc", lambda y: y.dtype == np.int32 and y.min() >= 1 and y.shape[1] < 20 / 2),
        ("circle", lambda y: y.shape == (64,) and y.dtype == np.int32),
        ("categorical_hinge", lambda y: set(np.unique(y)) <= {-1, 0, 1}),
        ("dice", lambda y: set(np.unique(y)) == {0, 1}),
    ],
)
def test_targets_lie_where_the_loss_is_defined(loss: str, holds: Any) -> None:
    (target,) = draw_targets(np.random.default_rng(0), [(64, 20, 5)], [loss])
    assert holds(target)
    predicted = ops.convert_to_tensor(np.full((64, 20, 5), 0.2, np.float32))
    if loss != "circle":
        assert np.isfinite(ops.convert_to_numpy(keras.losses.get(loss)(ops.convert_to_tensor(target), predicted))).all()


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (keras.layers.Dense(3, activation="softmax"), "softmax"),
        (keras.layers.Softmax(), "softmax"),
        (lambda x: ops.softmax(x), "softmax"),
        (lambda x: ops.reshape(ops.sigmoid(x), (-1, 2, 2)), "sigmoid"),
        (keras.layers.Activation("sigmoid"), "sigmoid"),
        (lambda x: keras.Sequential([keras.layers.Dense(2, activation="sigmoid")])(x), "sigmoid"),
        (keras.layers.Dense(3), ""),
        (lambda x: ops.softmax(x) * 2, ""),
    ],
)
def test_the_last_activation_is_found_however_it_is_written(last: Any, expected: str) -> None:
    x = keras.Input((4,))
    model = keras.Model(x, last(x))
    assert activation_of(model.outputs[0], model) == expected


@pytest.mark.long
def test_whose_loss_and_optimizer_it_is_is_known() -> None:
    x = keras.Input((4,))
    regression = keras.Model(x, keras.layers.Dense(2)(x))
    training = compile_model(regression, "auto", {})
    assert training.chosen_optimizer
    assert "Anatomy's choice" in training.unjudged
    assert "masked is the model's own" in compile_model(users_models.masked_loss(), "auto", {}).unjudged
    assert compile_model(users_models.two_towers(), "auto", {}).unjudged == ""
    assert trains_itself(users_models.autoencoder()) == "compute_loss"
    only_optimizer = keras.Model(x, keras.layers.Dense(2, activation="softmax")(x))
    only_optimizer.compile("adam")
    assert compile_model(only_optimizer, "auto", {}).losses == ["sparse_categorical_crossentropy"]
    assert not compile_model(only_optimizer, "auto", {}).chosen_optimizer
    assert (type(only_optimizer.optimizer).__name__, only_optimizer.loss) == ("Adam", "sparse_categorical_crossentropy")
    assert declared_outputs(only_optimizer)[0].activation == "softmax"


def test_a_loss_that_fails_in_one_way_whatever_it_is_given_has_its_own_words() -> None:
    with pytest.raises(RuntimeError, match="MY LOSS RAN"):
        target_kinds([has_a_fault], ["has_a_fault"], [ModelOutput("y", (8, 5), "float32", "softmax")])
