"""The calls of a model: order, nested models, shared layers, activations of their own."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import Input, layers

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.model_graph import ModelGraph, model_graph


def _steps(graph: ModelGraph) -> list[str]:
    return [
        f"{call.path}:{call.operation.name if isinstance(call.operation, Activation) else 'layer'}"
        for call in graph.calls
    ]


def test_an_activation_is_a_call_of_its_own() -> None:
    inputs = Input((4,))
    x = layers.Dense(3, activation="relu", name="first")(inputs)
    graph = model_graph(keras.Model(inputs, layers.Dense(2, activation="softmax", name="second")(x)))
    assert _steps(graph) == ["first:layer", "first:relu", "second:layer", "second:softmax"]
    assert graph.maker(graph.outputs[0]) is graph.calls[-1]
    assert [graph.uses(call.output) for call in graph.calls] == [1, 1, 1, 1]


def test_a_linear_activation_is_no_call() -> None:
    inputs = Input((4,))
    graph = model_graph(keras.Model(inputs, layers.Dense(3, name="only")(inputs)))
    assert _steps(graph) == ["only:layer"]


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        (lambda: layers.ReLU(6.0, name="it"), Activation("relu", {"max_value": 6.0})),
        (lambda: layers.LeakyReLU(0.1, name="it"), Activation("leaky_relu", {"negative_slope": 0.1})),
        (lambda: layers.Softmax(1, name="it"), Activation("softmax", {"axis": 1})),
        (lambda: layers.Activation("tanh", name="it"), Activation("tanh")),
    ],
)
def test_layers_that_are_activations(layer: Any, activation: Activation) -> None:
    inputs = Input((4, 3))
    (call,) = model_graph(keras.Model(inputs, layer()(inputs))).calls
    assert call.operation == activation
    assert call.path == "it"


def test_a_nested_model_is_inlined() -> None:
    inner_inputs = Input((4,))
    inner = keras.Model(inner_inputs, layers.Dense(3, name="dense")(inner_inputs), name="inner")
    outer = keras.Sequential([Input((4,)), inner, layers.Dense(2, name="end")])
    graph = model_graph(outer)
    assert _steps(graph) == ["inner/dense:layer", "end:layer"]
    assert graph.calls[1].inputs == [graph.calls[0].output]


def test_a_shared_layer_is_a_call_for_each_use() -> None:
    left, right = Input((4,)), Input((4,))
    shared = layers.Dense(3, name="shared")
    graph = model_graph(keras.Model([left, right], layers.Add(name="sum")([shared(left), shared(right)])))
    assert sorted(_steps(graph)) == ["shared:layer", "shared:layer", "sum:layer"]
    assert graph.calls[-1].path == "sum"
    assert {call.input for call in graph.calls[:2]} == set(graph.inputs)


def test_a_model_with_a_call_of_its_own_is_refused() -> None:
    class Own(keras.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(NotImplementedError, match="has a call of its own"):
        model_graph(Own())


def test_a_sequential_without_a_shape_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="without an input shape"):
        model_graph(keras.Sequential([layers.Dense(3)]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=8))
def test_a_call_follows_those_whose_outputs_it_takes(parents: list[list[int]]) -> None:
    values = [Input((4,))]
    for picks in parents:
        taken = [values[pick % len(values)] for pick in picks]
        values.append(layers.Add()(taken) if len(taken) > 1 else layers.Dense(4, activation="relu")(taken[0]))
    graph = model_graph(keras.Model(values[0], values[1:]))
    known = set(graph.inputs)
    for call in graph.calls:
        assert known.issuperset(call.inputs)
        known |= set(call.outputs)
    assert known.issuperset(graph.outputs)
