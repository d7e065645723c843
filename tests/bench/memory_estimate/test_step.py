"""The memory of a step of small models, reckoned by hand."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers, ops

from anatomy.bench.counting import abstract_model
from anatomy.bench.memory_estimate import MemoryEstimate, step_memory
from anatomy.bench.memory_estimate.step_estimate import memory_of
from anatomy.models import zoo
from tests.data.models_with_several_outputs import LOSSES, compiled_with

FLOAT = 4


def sequential(*stack: Any, shape: tuple[int, ...] = (8,)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *stack])


def by_layer(found: MemoryEstimate) -> dict[str, tuple[int, int, int | None, int]]:
    return {
        row.name: (row.parameter_bytes, row.gradient_bytes, row.optimizer_bytes, row.activation_bytes)
        for row in found.layers
    }


def perceptron(**first: Any) -> keras.Model:
    return sequential(
        layers.Dense(16, activation="relu", name="hidden", **first), layers.Dense(4, activation="softmax", name="out")
    )


def test_a_perceptron_in_training() -> None:
    found = memory_of(perceptron(), "train").at(10)
    hidden, out = (8 * 16 + 16) * FLOAT, (16 * 4 + 4) * FLOAT
    # Kept: both activations for the derivatives of rectifier and softmax; the loss keeps the outputs' logarithms.
    assert by_layer(found) == {
        "hidden": (hidden, hidden, hidden, 10 * 16 * FLOAT),
        "out": (out, out, out, 10 * 4 * FLOAT),
        "loss": (0, 0, 0, 10 * 4 * FLOAT),
    }
    assert found.optimizer == "SGD"
    assert found.parameter_bytes == found.gradient_bytes == found.optimizer_bytes == hidden + out
    # Float inputs, and a class of 4 bytes.
    assert found.batch_bytes == 10 * (8 * FLOAT + 4)
    assert found.activation_bytes == 10 * (16 + 4 + 4) * FLOAT
    # Backward through the first layer: its output, the gradient of that, and the gradients of all weights.
    peak = found.peak
    assert (peak.phase, peak.layer) == ("backward", "hidden")
    assert peak.live_bytes == 10 * 2 * 16 * FLOAT + hidden + out
    assert found.peak_bytes == 2 * (hidden + out) + found.batch_bytes + peak.live_bytes


def test_the_targets_are_those_of_the_outputs_own_losses() -> None:
    found = memory_of(compiled_with(LOSSES), "train").at(10)
    # Eight inputs, a class, and two numbers.
    assert found.batch_bytes == 10 * (8 + 1 + 2) * FLOAT


def test_a_perceptron_in_inference_keeps_one_layer_and_the_next() -> None:
    found = memory_of(perceptron(), "infer").at(10)
    assert found.activation_bytes == found.peak.live_bytes == 10 * (16 + 4) * FLOAT
    assert found.eager_peak_bytes == found.peak_bytes
    assert (found.gradient_bytes, found.optimizer_bytes, found.optimizer) == (0, 0, None)
    assert found.batch_bytes == 10 * 8 * FLOAT


def test_layer_by_layer_all_outputs_are_there_at_the_end() -> None:
    stack = [layers.Dense(16, name=f"dense{number}") for number in range(6)]
    found = memory_of(sequential(*stack), "infer").at(10)
    assert found.peak.live_bytes == 2 * 10 * 16 * FLOAT
    assert found.eager_timeline.peak.live_bytes == 6 * 10 * 16 * FLOAT
    assert found.to_dict()["eager_peak_bytes"] == found.eager_peak_bytes > found.peak_bytes


def test_frozen_layers_have_no_gradients_and_keep_nothing_before_them() -> None:
    def found(frozen: bool) -> dict[str, tuple[int, int, int | None, int]]:
        options = {"activation": "relu", "trainable": not frozen}
        stack = [layers.Dense(16, name="first", **options), layers.Dense(32, name="second", **options)]
        return by_layer(memory_of(sequential(*stack, layers.Dense(4, name="out")), "train").at(10))

    first, second = (8 * 16 + 16) * FLOAT, (16 * 32 + 32) * FLOAT
    assert found(frozen=False)["first"] == (first, first, first, 10 * 16 * FLOAT)
    frozen = found(frozen=True)
    assert frozen["first"] == (first, 0, 0, 0)
    # What the first layer that is trained multiplies its weights with.
    assert frozen["second"] == (second, 0, 0, 10 * 32 * FLOAT)


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [(keras.optimizers.SGD(), 0), (keras.optimizers.SGD(momentum=0.9), 1), (keras.optimizers.Adam(), 2)],
)
def test_the_optimizer_state_is_that_of_the_models_own_optimizer(optimizer: Any, slots: int) -> None:
    model = perceptron()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    found = memory_of(model, "train").at(2)
    assert found.optimizer_bytes == slots * found.parameter_bytes
    assert sum(row.optimizer_bytes or 0 for row in found.layers) == found.optimizer_bytes


def test_an_optimizer_that_is_built_already_keeps_as_much() -> None:
    model = perceptron()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    found = memory_of(model, "train").at(2)
    assert found.optimizer_bytes == 2 * found.parameter_bytes
    assert sum(row.optimizer_bytes or 0 for row in found.layers) == found.optimizer_bytes


@pytest.mark.parametrize("built", [False, True])
def test_an_optimizer_without_a_configuration_is_told_in_total_alone(built: bool) -> None:
    class Closed(keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
        def get_config(self) -> Any:
            raise NotImplementedError

    model = perceptron()
    model.compile(Closed(momentum=0.9), "sparse_categorical_crossentropy")
    if built:
        model.optimizer.build(model.trainable_variables)
    found = memory_of(model, "train").at(2)
    assert found.optimizer_bytes == found.parameter_bytes
    assert {row.optimizer_bytes for row in found.layers if row.name != "loss"} == {None}


def test_mixed_precision_keeps_float32_weights_and_bfloat16_activations() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with abstract_model():
            found = memory_of(perceptron(), "train").at(10)
    finally:
        keras.config.set_dtype_policy(before)
    kept = by_layer(found)
    # The cast input, the output, and the cast of the kernel, two bytes an element.
    assert kept["hidden"][0] == (8 * 16 + 16) * FLOAT
    assert kept["hidden"][3] == 10 * 8 * 2 + 10 * 16 * 2 + 8 * 16 * 2
    assert found.gradient_bytes == found.parameter_bytes


def test_views_and_elementwise_layers_take_nothing_of_their_own() -> None:
    model = sequential(
        layers.Conv1D(6, 3, padding="same", name="conv"),
        layers.ReLU(name="relu"),
        layers.Flatten(name="flat"),
        layers.Dropout(0.5, name="drop"),
        layers.Dense(2, name="out"),
        shape=(5, 3),
    )
    inference = memory_of(model, "infer").at(1)
    assert inference.activation_bytes == (5 * 6 + 2) * FLOAT
    kept = by_layer(memory_of(model, "train").at(1))
    # The rectified values lie where the convolution's lay; the mask of the dropout has a byte for each.
    assert (kept["conv"][3], kept["relu"][3], kept["flat"][3]) == (0, 30 * FLOAT, 0)
    assert kept["drop"][3] == 30 * FLOAT + 30


@pytest.mark.long
def test_a_recurrent_layer_keeps_every_step() -> None:
    def kept(steps: int) -> int:
        model = sequential(layers.LSTM(3, name="lstm"), layers.Dense(2), shape=(steps, 4))
        return by_layer(memory_of(model, "train").at(1))["lstm"][3]

    # Four gates, both states and the hyperbolic tangent of one, at least, for every further step.
    assert kept(20) - kept(10) >= 10 * 7 * 3 * FLOAT
    assert kept(20) - kept(10) == kept(30) - kept(20)
    inference = memory_of(sequential(layers.LSTM(3), shape=(1000, 4)), "infer").at(1)
    assert inference.activation_bytes < 100 * FLOAT


def test_layers_of_a_users_own_are_opened() -> None:
    class Gate(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, inputs: Any) -> Any:
            return ops.sigmoid(inputs) * inputs

    inputs = keras.Input((7,))
    hidden = layers.Dense(5, name="dense")(inputs)
    model = keras.Model(inputs, Gate(name="gate")(hidden))
    found = memory_of(model, "train").at(1)
    assert found.unseen == ()
    # Both factors: the input, which the product reads, and its sigmoid.
    assert by_layer(found)["dense"][3] + by_layer(found)["gate"][3] >= 2 * 5 * FLOAT


def test_what_cannot_be_seen_is_named() -> None:
    class Closed(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, inputs: Any) -> Any:
            if isinstance(inputs, keras.KerasTensor):
                raise TypeError("a backend's own function")
            return inputs * 2

    inputs = keras.Input((7,))
    model = keras.Model(inputs, Closed(name="closed")(layers.Dense(5)(inputs)))
    assert memory_of(model, "infer").at(1).unseen == ("closed",)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["train", "infer"])
@pytest.mark.parametrize("name", [one.name for one in zoo()])
def test_the_zoo_is_consistent(name: str, mode: Any) -> None:
    step = step_memory(name, mode)
    one, many = step.at(1), step.at(64)
    assert one.unseen == ()
    assert one.parameter_bytes == many.parameter_bytes == sum(row.parameter_bytes for row in one.layers)
    assert one.optimizer_bytes == sum(row.optimizer_bytes or 0 for row in one.layers) == one.gradient_bytes
    assert many.batch_bytes == 64 * one.batch_bytes
    assert one.peak_bytes < many.peak_bytes < 64 * one.peak_bytes
    largest = step.largest_batch(many.peak_bytes)
    assert largest is not None
    assert step.at(largest).peak_bytes <= many.peak_bytes < step.at(largest + 1).peak_bytes


def test_a_fixed_batch_size_is_the_only_one() -> None:
    step = step_memory("lstm:stateful=true", "infer", batch_size=4)
    assert step.at(4).batch_size == 4
    with pytest.raises(ValueError, match="fixed to 4; give --batch-size 4"):
        step.at(8)


def test_what_cannot_train_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="use --mode infer"):
        step_memory("rcnn:keywords=true", "train")


def test_an_open_length_is_asked_for() -> None:
    with pytest.raises(ValueError, match="give the open lengths by --input-shape"):
        step_memory("rcnn:words=none", "infer")
    assert step_memory("rcnn:words=none", "infer", input_shape=(50, 100)).at(1).peak_bytes > 0
