"""Saturated outputs are taken again with smaller last weights, so that what is computed before them shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import keras
import numpy as np
import pytest
from keras import layers

from anatomy.bench.measurement.unsaturated_outputs import scaled_outputs
from anatomy.bench.records.record_parts import ScaledOutputs
from anatomy.bench.workload.model_outputs import last_weights
from anatomy.bench.workload.output_sample import sample_outputs

X = np.random.default_rng(0).standard_normal((8, 6), dtype=np.float32)


def deep(scale: float, head: Callable[[Any], Any]) -> Any:
    """A network whose hidden values are `scale` times as large as usual."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6,))
    return keras.Model(x, head(layers.Dense(16, activation="relu")(x * scale)))


def softmax(x: Any) -> Any:
    return layers.Activation("softmax")(layers.Dense(5)(x))


def take(model: Any) -> ScaledOutputs | None:
    def put(values: Any) -> None:
        for variable, value in zip(model.trainable_variables, values, strict=True):
            variable.assign(value)

    return scaled_outputs(model, lambda: keras.tree.flatten(model.predict_on_batch(X)), put)


@pytest.mark.parametrize("scale", [1e5, 1e8, 1e12])
def test_a_fault_before_the_softmax_shows(scale: float) -> None:
    model = deep(scale, softmax)
    before = [weight.numpy().copy() for weight in model.trainable_variables]
    own, found = sample_outputs([model.predict_on_batch(X)]), take(model)
    assert found is not None
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.trainable_variables, strict=True))
    hidden = model.layers[-3]
    hidden.kernel.assign(hidden.kernel * 1.01)
    assert sample_outputs([model.predict_on_batch(X)]) == pytest.approx(own, abs=1e-6)
    wrong = take(model)
    assert wrong is not None
    assert wrong.scale == found.scale
    assert np.max(np.abs(np.subtract(wrong.sample, found.sample))) > 1e-3


def test_outputs_of_zeros_are_left_alone() -> None:
    """They are zeros at every scale: nothing is tried."""
    model = deep(1.0, layers.Dense(5, kernel_initializer="zeros"))
    assert scaled_outputs(model, lambda: [model.predict_on_batch(X)], cast("Any", None)) is None


def test_outputs_between_are_left_alone() -> None:
    assert take(deep(1.0, softmax)) is None
    assert take(deep(1e6, layers.Dense(5))) is None


def test_a_last_layer_is_found_through_what_has_no_weights() -> None:
    inner_input = keras.Input((16,))
    inner = keras.Model(inner_input, layers.Dense(3)(layers.Dense(4)(inner_input)))
    x = keras.Input((6,))
    hidden = layers.Dense(16)(x)
    joined = layers.Reshape((5,))(keras.ops.softmax(layers.Dense(5)(hidden) + layers.Dense(5)(hidden)))
    model = keras.Model(x, [joined, layers.Activation("sigmoid")(inner(hidden))])
    paths = [
        weight.path for weight, is_last in zip(model.trainable_variables, last_weights(model), strict=True) if is_last
    ]
    kernels = [path for path in paths if path.endswith("kernel")]
    assert len(paths) == 2 * len(kernels)
    assert [model.get_layer(path.split("/")[0]).units for path in kernels[:2]] == [5, 5]
    assert len(kernels) == 3
    assert last_weights(deep(1.0, layers.Activation("softmax"))) == [True, True]
