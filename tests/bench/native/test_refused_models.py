"""What JAX and TensorFlow programs do not have is named."""

from __future__ import annotations

import re

import keras
import pytest
from keras import Input, layers, ops

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import model_graph
from anatomy.bench.native.translation import Framework
from tests.bench.native.refused_models import MODELS


@pytest.mark.parametrize("framework", BOTH)
@pytest.mark.parametrize("name", MODELS)
def test_refused(name: str, framework: Framework) -> None:
    build, what = MODELS[name]
    with pytest.raises(NotImplementedError, match=re.escape(what)):
        FunctionalWriter(model_graph(build()), framework, False, None).body()


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (lambda: layers.LSTM(3, recurrent_dropout=0.1), "recurrent dropout"),
        (lambda: layers.TimeDistributed(layers.BatchNormalization()), "the statistics of each step"),
    ],
)
def test_refused_in_training_alone(layer, what: str) -> None:
    inputs = Input((6, 3))
    graph = model_graph(keras.Model(inputs, layer()(inputs)))
    assert FunctionalWriter(graph, "jax", False, None).body()
    with pytest.raises(NotImplementedError, match=what):
        FunctionalWriter(graph, "jax", True, None).body()


def test_a_mask_that_nothing_uses() -> None:
    inputs = Input((6,), dtype="int32")
    masked = layers.Embedding(9, 4, mask_zero=True)(inputs)
    pooled = keras.Model(inputs, ops.max(masked, axis=1))
    assert FunctionalWriter(model_graph(pooled), "jax", True, None).body()
    # The loss would leave out what is masked.
    with pytest.raises(NotImplementedError, match="the loss leaves out"):
        FunctionalWriter(model_graph(keras.Model(inputs, masked)), "jax", True, None).body()


def test_an_option_of_one_framework() -> None:
    inputs = Input((9, 9, 3))
    graph = model_graph(keras.Model(inputs, layers.Activation(keras.activations.elu)(inputs)))
    assert FunctionalWriter(graph, "tensorflow", False, None).body()
    graph = model_graph(keras.Model(inputs, layers.ELU(alpha=0.5)(inputs)))
    assert FunctionalWriter(graph, "jax", False, None).body()
    with pytest.raises(NotImplementedError, match="elu"):
        FunctionalWriter(graph, "tensorflow", False, None).body()
