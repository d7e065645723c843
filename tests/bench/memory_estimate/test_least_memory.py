"""The least memory of a step of small models, reckoned by hand."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops

from anatomy.bench.cli.screens.memory_screen import verdict
from anatomy.bench.counting import abstract_model
from anatomy.bench.memory_estimate.least_memory import LeastMemory, least_memory, least_of
from anatomy.bench.memory_estimate.memory_fit import Fit, memory_to_dict
from anatomy.models import zoo
from tests.data.models_with_several_outputs import LOSSES, compiled_with

FLOAT = 4


def sequential(*stack: Any, shape: tuple[int, ...] = (8,)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *stack])


def perceptron(**first: Any) -> keras.Model:
    return sequential(
        layers.Dense(16, activation="relu", name="hidden", **first), layers.Dense(4, activation="softmax", name="out")
    )


def test_a_perceptron_in_training() -> None:
    found = least_of(perceptron(), "train")
    weights = (8 * 16 + 16 + 16 * 4 + 4) * FLOAT
    assert found.optimizer == "SGD"
    assert found.parameter_bytes == found.gradient_bytes == found.optimizer_bytes == weights
    # Float inputs, and a class of 4 bytes.
    assert found.example_bytes == 8 * FLOAT + 4
    # The first layer's gradient needs the batch, which counts apart; the second's what a rectifier puts out, which its
    # derivative needs as well; that of softmax needs the outputs.
    assert found.activation_bytes == (16 + 4) * FLOAT
    assert found.at(1) == 3 * weights + found.example_bytes
    assert found.at(1000) == 2 * weights + 1000 * (found.example_bytes + (16 + 4) * FLOAT)


def test_a_perceptron_in_inference() -> None:
    found = least_of(perceptron(), "infer")
    # The second layer's input and output: the first one's input is the batch.
    assert found.activation_bytes == (16 + 4) * FLOAT
    assert found.at(10) == found.parameter_bytes + 10 * (8 + 16 + 4) * FLOAT
    assert (found.gradient_bytes, found.optimizer_bytes, found.optimizer) == (0, 0, None)
    assert found.example_bytes == 8 * FLOAT


def test_the_targets_are_those_of_the_outputs_own_losses() -> None:
    # Eight inputs, a class, and two numbers.
    assert least_of(compiled_with(LOSSES), "train").example_bytes == (8 + 1 + 2) * FLOAT


def test_a_tensor_that_several_layers_read_is_kept_once() -> None:
    inputs = keras.Input((8,))
    hidden = layers.Dense(16)(inputs)
    model = keras.Model(inputs, layers.Add()([layers.Dense(4)(hidden), layers.Dense(4)(hidden)]))
    assert least_of(model, "train").activation_bytes == 16 * FLOAT


def test_a_view_of_what_is_kept_is_kept_once() -> None:
    inputs = keras.Input((4, 2))
    hidden = layers.Conv1D(3, 1)(inputs)
    model = keras.Model(inputs, [layers.Conv1D(5, 1)(hidden), layers.Dense(5)(layers.Flatten()(hidden))])
    assert least_of(model, "train").activation_bytes == 4 * 3 * FLOAT


def test_what_has_no_weights_keeps_no_input() -> None:
    # The rectified values, which pooling needs too, and what the last layer reads.
    model = sequential(layers.Conv1D(6, 1), layers.ReLU(), layers.MaxPooling1D(), layers.Dense(2), shape=(4, 3))
    assert least_of(model, "train").activation_bytes == (4 * 6 + 2 * 6) * FLOAT


@pytest.mark.parametrize(("layer", "gates"), [(layers.LSTM, 5), (layers.GRU, 3), (layers.SimpleRNN, 0)])
def test_a_recurrent_layer_keeps_its_gates_at_every_step(layer: Any, gates: int) -> None:
    def kept(steps: int) -> int:
        return least_of(sequential(layer(3), layers.Dense(2), shape=(steps, 4)), "train").activation_bytes

    assert kept(20) - kept(10) == 10 * gates * 3 * FLOAT
    assert least_of(sequential(layer(3), shape=(1000, 4)), "infer").activation_bytes < 1100 * 4 * FLOAT


def test_normalisation_keeps_its_input() -> None:
    model = sequential(layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dense(4))
    # And the last layer what is normalised and rectified.
    assert least_of(model, "train").activation_bytes == 2 * 16 * FLOAT


def test_frozen_layers_have_no_gradients_and_keep_nothing() -> None:
    model = sequential(layers.Dense(16, trainable=False), layers.Dense(32, trainable=False), layers.Dense(4))
    found = least_of(model, "train")
    assert found.gradient_bytes == (32 * 4 + 4) * FLOAT
    assert found.activation_bytes == 32 * FLOAT


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [(keras.optimizers.SGD(), 0), (keras.optimizers.SGD(momentum=0.9), 1), (keras.optimizers.Adam(), 2)],
)
def test_the_optimizer_state_is_that_of_the_models_own_optimizer(optimizer: Any, slots: int) -> None:
    model = perceptron()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    found = least_of(model, "train")
    assert found.optimizer_bytes == slots * found.parameter_bytes


def test_an_optimizer_that_is_built_already_keeps_as_much() -> None:
    model = perceptron()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    found = least_of(model, "train")
    assert found.optimizer_bytes == 2 * found.parameter_bytes


@pytest.mark.parametrize("built", [False, True])
def test_an_optimizer_without_a_configuration_is_built_itself(built: bool) -> None:
    class Closed(keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
        def get_config(self) -> Any:
            raise NotImplementedError

    model = perceptron()
    model.compile(Closed(momentum=0.9), "sparse_categorical_crossentropy")
    if built:
        model.optimizer.build(model.trainable_variables)
    found = least_of(model, "train")
    assert found.optimizer_bytes == found.parameter_bytes


def test_mixed_precision_keeps_float32_weights_and_bfloat16_activations() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with abstract_model():
            found = least_of(perceptron(), "train")
    finally:
        keras.config.set_dtype_policy(before)
    assert found.gradient_bytes == found.parameter_bytes == (8 * 16 + 16 + 16 * 4 + 4) * FLOAT
    # Both layers' outputs, two bytes an element; the cast input stands for the batch.
    assert found.activation_bytes == (16 + 4) * 2


def test_sequences_that_are_put_out_are_kept_once() -> None:
    def kept(steps: int) -> int:
        model = sequential(layers.SimpleRNN(3, return_sequences=True), layers.Dense(2), shape=(steps, 4))
        return least_of(model, "train").activation_bytes

    assert kept(20) - kept(10) == 10 * 3 * FLOAT


def test_two_layers_that_cast_one_input_keep_one_copy() -> None:
    inputs = keras.Input((8,))
    hidden = layers.Dense(16, dtype="float32")(inputs)
    ends = [layers.Dense(4, dtype="mixed_bfloat16")(hidden) for _ in range(2)]
    assert least_of(keras.Model(inputs, ends), "train").activation_bytes == 16 * 2


def test_what_no_example_changes_is_not_multiplied_by_their_number() -> None:
    class Positions(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.table = self.add_weight(shape=(1, 1000))
            self.inner = layers.Dense(8, activation="relu")

        def call(self, inputs: Any) -> Any:
            return inputs + self.inner(self.table)

    assert least_of(sequential(Positions(), layers.Dense(2)), "train").activation_bytes <= (8 + 8) * FLOAT


def test_what_no_gradient_reaches_leaves_nothing() -> None:
    inputs = keras.Input((8,))
    stopped = ops.stop_gradient(layers.Dense(1000)(layers.Dense(100)(inputs)))
    assert least_of(keras.Model(inputs, layers.Dense(1)(stopped)), "train").activation_bytes == 1000 * FLOAT


def test_a_users_layer_with_the_name_of_one_of_kerass_is_its_own() -> None:
    class GRU(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.scale = self.add_weight(shape=(8,))

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale

    assert least_of(sequential(GRU(), layers.Dense(2)), "train").activation_bytes == 8 * FLOAT


def test_in_a_trace_equal_tensors_cannot_be_told_and_none_is_kept() -> None:
    class Closed(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.Dense(5), layers.Dense(5)

        def call(self, inputs: Any) -> Any:
            if isinstance(inputs, keras.KerasTensor):
                raise TypeError("a backend's own function")
            return self.first(inputs) + self.second(inputs)

    inputs = keras.Input((7,))
    model = keras.Model(inputs, layers.Dense(2)(Closed()(layers.Dense(6)(inputs))))
    assert least_of(model, "train").activation_bytes == 5 * FLOAT


def test_layers_of_a_users_own_are_opened() -> None:
    class Twice(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.Dense(5), layers.Dense(6)

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

    model = sequential(Twice(), layers.Dense(2))
    assert least_of(model, "train").activation_bytes == (5 + 6) * FLOAT


@pytest.mark.long
@pytest.mark.parametrize("mode", ["train", "infer"])
@pytest.mark.parametrize("name", [one.name for one in zoo()])
def test_the_zoo_is_consistent(name: str, mode: Any) -> None:
    found = least_memory(name, mode)
    assert found.activation_bytes > 0
    # No zoo model's optimizer keeps more or less than one of each weight.
    assert found.optimizer_bytes == found.gradient_bytes <= found.parameter_bytes
    largest = found.largest_batch(found.at(64))
    assert found.at(largest) <= found.at(64) < found.at(largest + 1)


@given(*[st.integers(0, 10**12)] * 6, st.integers(0, 10**15))
def test_the_largest_batch_is_the_last_within_the_limit(
    parameters: int, gradients: int, optimizer: int, example: int, activations: int, batch: int, limit: int
) -> None:
    step = LeastMemory("train", "float32", parameters, gradients, optimizer, "SGD", max(1, example), activations)
    largest = step.largest_batch(limit)
    assert step.at(largest + 1) > limit
    assert largest == 0 or step.at(largest) <= limit
    shown = memory_to_dict(step, batch, Fit(limit, "here", 0, step.at(batch), largest))
    assert shown["least_bytes"] == step.at(batch)
    assert shown["fit"]["may_fit"] == (step.at(batch) <= limit)


def test_a_fixed_batch_size_is_the_only_one() -> None:
    step = least_memory("lstm:stateful=true", "infer", batch_size=4)
    assert step.fixed_batch == 4
    assert step.at(4) > 0
    with pytest.raises(ValueError, match="fixed to 4; give --batch-size 4"):
        step.at(8)
    with pytest.raises(ValueError, match="fixed to 4"):
        step.largest_batch(2**30)


def test_what_cannot_train_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="use --mode infer"):
        least_memory("rcnn:keywords=true", "train")


def test_an_open_length_is_asked_for() -> None:
    with pytest.raises(ValueError, match="give the open lengths by --input-shape"):
        least_memory("rcnn:words=none", "infer")
    assert least_memory("rcnn:words=none", "infer", input_shape=(50, 100)).at(1) > 0


@pytest.mark.parametrize(
    ("needed", "largest", "words"),
    [
        (2**30, 40, "May fit: batch 32 needs 1.00 GiB at least, and there is 2.00 GiB here. Above 40 it hardly will;"),
        (
            3 * 2**30,
            8,
            "Will hardly fit: batch 32 needs 3.00 GiB at least, more than 2.00 GiB here. Above 8 it hardly will;",
        ),
        (3 * 2**30, 0, "Hardly one example will."),
        (2**30, None, "The model's batch size is fixed."),
    ],
)
def test_the_verdict(needed: int, largest: int | None, words: str) -> None:
    assert words in verdict(32, Fit(2**31, "here", 0, needed, largest))
