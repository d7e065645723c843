"""The counter on models of every shape."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from anatomy.bench.counting import ModelCounts, abstract_model, count_model, count_to_dict


def sequential(*stack: Any, shape: tuple[int | None, ...]) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *stack])


def rows(counts: ModelCounts) -> list[tuple[str, str, Any, int, int | None]]:
    return [(row.name, row.type, row.output_shape, row.parameters, row.macs) for row in counts.layers]


class Scale(layers.Layer):
    """A layer of a user, without a kernel."""

    def call(self, inputs: Any) -> Any:
        return ops.tanh(inputs) * 2


class OwnKernel(layers.Layer):
    """A layer of a user that multiplies with its own weights."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.kernel)


class Residual(layers.Layer):
    """A layer of a user made of layers."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = layers.Dense(units, name="first")
        self.second = layers.Dense(units, name="second")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs + self.second(self.first(inputs))


class Closed(layers.Layer):
    """A layer of a user whose call needs values, which shapes do not have."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = layers.Dense(4, name="inner")

    def build(self, shape: Any) -> None:
        self.inner.build(shape)

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, keras.KerasTensor):
            raise TypeError("expected a tensor of the backend")
        return self.inner(inputs)


def test_alexnet_paper_counts() -> None:
    with abstract_model():
        from anatomy.models import build

        counts = count_model(build("alexnet"))
    assert (counts.units, counts.weight_layers, counts.depth) == (659_272, 8, 8)
    assert counts.macs == 724_406_816


def test_rows_and_totals_of_a_small_network() -> None:
    model = sequential(
        layers.Conv2D(4, 3, name="conv"),
        layers.MaxPooling2D(name="pool"),
        layers.Flatten(name="flat"),
        layers.Dense(2, name="out"),
        shape=(6, 6, 1),
    )
    counts = count_model(model)
    assert rows(counts) == [
        ("conv", "Conv2D", [4, 4, 4], 40, 16 * 9 * 4),
        ("pool", "MaxPooling2D", [2, 2, 4], 0, 0),
        ("flat", "Flatten", [16], 0, 0),
        ("out", "Dense", [2], 34, 32),
    ]
    assert counts.flops == 2 * counts.macs == 2 * (576 + 32)
    assert counts.activation_bytes == 4 * (64 + 16 + 16 + 2)
    assert counts.units == 64 + 2
    assert (counts.input_shape, counts.output_shape) == ([6, 6, 1], [2])


def test_frozen_layers_are_not_trainable() -> None:
    model = sequential(layers.Dense(3, trainable=False), layers.Dense(2), shape=(4,))
    counts = count_model(model)
    assert (counts.parameters, counts.trainable_parameters) == (15 + 8, 8)


def test_shared_layer_works_once_per_call_and_owns_its_weights_once() -> None:
    x = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    counts = count_model(keras.Model(x, shared(shared(x))))
    assert [(row.call, row.parameters, row.macs) for row in counts.layers] == [(1, 20, 16), (2, 0, 16)]
    assert (counts.weight_layers, counts.depth) == (1, 2)


def test_nested_models_are_listed_layer_by_layer() -> None:
    inner = sequential(layers.Dense(3, name="a"), layers.Dense(4, name="b"), shape=(4,))
    inner.name = "inner"
    x = keras.Input((4,))
    counts = count_model(keras.Model(x, layers.Add(name="sum")([inner(x), inner(x)])))
    assert [row.name for row in counts.layers] == ["inner/a", "inner/b", "inner/a", "inner/b", "sum"]
    assert counts.macs == 2 * (12 + 12)
    assert counts.parameters == sum(row.parameters for row in counts.layers) == inner.count_params()
    assert counts.depth == 2


def test_parallel_branches_do_not_add_depth() -> None:
    x = keras.Input((4,))
    long = layers.Dense(4)(layers.Dense(4)(x))
    counts = count_model(keras.Model(x, layers.Dense(1)(layers.Concatenate()([long, layers.Dense(4)(x)]))))
    assert (counts.weight_layers, counts.depth) == (4, 3)


def test_several_inputs_and_outputs_keep_their_structure() -> None:
    inputs = {"ids": keras.Input((5,), dtype="int32", name="ids"), "extra": keras.Input((2,), name="extra")}
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(10, 3)(inputs["ids"]))
    joined = layers.Concatenate()([pooled, inputs["extra"]])
    model = keras.Model(inputs, {"label": layers.Dense(2)(joined), "joined": joined})
    counts = count_model(model)
    assert counts.input_shape == {"ids": [5], "extra": [2]}
    assert counts.output_shape == {"label": [2], "joined": [5]}
    assert (counts.macs, counts.parameters) == (10, 30 + 12)
    listed = count_model(keras.Model(list(inputs.values()), [joined, pooled]))
    assert (listed.input_shape, listed.output_shape) == ([[5], [2]], [[5], [3]])


def test_time_distributed_repeats_a_layer_and_a_model() -> None:
    inner = sequential(layers.Conv1D(2, 3, name="conv"), layers.Flatten(name="flat"), shape=(6, 1))
    inner.name = "inner"
    model = sequential(
        layers.TimeDistributed(inner, name="each"),
        layers.TimeDistributed(layers.Dense(3), name="dense"),
        shape=(5, 6, 1),
    )
    assert rows(count_model(model)) == [
        ("each/inner/conv", "Conv1D", [5, 4, 2], 8, 5 * 4 * 3 * 2),
        ("each/inner/flat", "Flatten", [5, 8], 0, 0),
        ("dense", "TimeDistributed", [5, 3], 27, 5 * 24),
    ]


@pytest.mark.parametrize(("merge", "width"), [("concat", 14), ("sum", 7), ("mul", 7), ("ave", 7)])
def test_bidirectional_counts_both_directions(merge: str, width: int) -> None:
    model = sequential(layers.Bidirectional(layers.LSTM(7), merge_mode=merge), shape=(5, 3))
    counts = count_model(model)
    assert counts.macs == 2 * 5 * 4 * (3 * 7 + 49)
    assert (counts.output_shape, counts.units, counts.depth) == ([width], width, 1)


def test_stateful_layers_are_counted_for_one_example() -> None:
    x = keras.Input(batch_shape=(32, 8, 16))
    counts = count_model(keras.Model(x, layers.LSTM(32, stateful=True)(x)))
    assert counts.macs == 8 * 4 * (16 * 32 + 32 * 32)
    assert counts.input_shape == [8, 16]


@pytest.mark.long
def test_stacked_and_convolutional_recurrence() -> None:
    stacked = sequential(layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)]), shape=(5, 2))
    assert count_model(stacked).macs == 5 * (4 * (6 + 9) + 3 * (12 + 16))
    maps = sequential(layers.ConvLSTM2D(3, 3, return_sequences=True), shape=(4, 6, 6, 2))
    assert count_model(maps).macs == 4 * 16 * 9 * 4 * 3 * (2 + 3)


@pytest.mark.long
def test_attention_counts_projections_and_both_products() -> None:
    x = keras.Input((10, 32))
    counts = count_model(keras.Model(x, layers.MultiHeadAttention(2, 16)(x, x)))
    assert counts.product_macs == 2 * 10 * 10 * 32
    assert counts.macs == 4 * 10 * 32 * 32 + counts.product_macs
    assert [row.type for row in counts.layers] == ["MultiHeadAttention"]
    assert (counts.weight_layers, counts.depth) == (1, 1)
    grouped = count_model(keras.Model(x, layers.GroupQueryAttention(16, 4, 2)(x, x)))
    assert grouped.macs == 10 * 32 * (64 + 32 + 32 + 64) + 2 * 10 * 10 * 64


def test_operations_in_a_graph_are_rows() -> None:
    x = keras.Input((4, 3))
    product = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    counts = count_model(keras.Model(x, ops.relu(product)))
    assert [(row.type, row.macs) for row in counts.layers] == [("Transpose", 0), ("Matmul", 48), ("Relu", 0)]
    assert (counts.product_macs, counts.units, counts.depth) == (48, 0, 0)


def test_layers_of_a_user_are_opened() -> None:
    model = sequential(Scale(), OwnKernel(name="own"), layers.Lambda(lambda x: x + 1), shape=(5, 4))
    counts = count_model(model)
    assert [row.macs for row in counts.layers] == [0, 5 * 4 * 3, 0]
    assert (counts.uncounted, counts.parameters, counts.depth, counts.units) == ((), 12, 1, 15)


@pytest.mark.long
def test_subclassed_model_without_declared_inputs() -> None:
    class Tiny(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.out = Residual(4, name="block"), layers.Dense(1, name="out")

        def call(self, inputs: Any) -> Any:
            return self.out(self.block(inputs))

    with pytest.raises(ValueError, match="give input_shape"):
        count_model(Tiny())
    counts = count_model(Tiny(), input_shape=(4,))
    assert [(row.name, row.macs) for row in counts.layers] == [
        ("block/first", 16),
        ("block/second", 16),
        ("block", 0),
        ("out", 4),
    ]
    assert (counts.depth, counts.parameters) == (3, 20 + 20 + 5)
    called = Tiny()
    called(np.zeros((2, 4), "float32"))
    assert count_model(called) == counts


def test_layer_that_cannot_run_on_shapes_is_uncounted_and_its_sublayers_are_not() -> None:
    model = sequential(Closed(name="closed"), layers.Dense(2, name="out"), shape=(3,))
    counts = count_model(model)
    assert [(row.name, row.macs) for row in counts.layers] == [("closed/inner", 12), ("closed", None), ("out", 8)]
    (uncounted,) = counts.uncounted
    assert "cannot be seen through" in uncounted.note
    assert counts.summary().uncounted == ["closed (Closed)"]
    assert counts.macs == 20


def test_operations_of_unknown_work_are_uncounted() -> None:
    def repeat(x: Any) -> Any:
        return ops.fori_loop(0, 3, lambda _, value: value * 2, x)

    counts = count_model(sequential(layers.Lambda(repeat, output_shape=(4,), name="loop"), shape=(4,)))
    assert [row.name for row in counts.uncounted] == ["loop"]


@pytest.mark.long
def test_a_total_of_what_is_not_seen_is_not_published() -> None:
    found = count_to_dict(count_model(sequential(Closed(name="closed"), layers.Dense(2, name="out"), shape=(3,))))
    assert {
        name: found[name] for name in ("macs", "flops", "training_flops", "units", "product_macs")
    } == dict.fromkeys(("macs", "flops", "training_flops", "units", "product_macs"))
    assert (found["counted_macs"], found["activation_bytes"], found["parameters"]) == (20, 4 * (4 + 4 + 2), 16 + 10)
    opened = count_to_dict(count_model(sequential(layers.LSTM(4, return_sequences=True), shape=(None, 3))))
    assert (opened["macs"], opened["activation_bytes"], opened["counted_macs"]) == (None, None, 0)


def test_inputs_of_a_model_that_declares_none_are_named_by_their_place() -> None:
    class Nested(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.out(ops.concatenate([inputs["text"]["ids"], inputs["text"]["mask"], inputs["image"]], 1))

    found = count_model(Nested(), {"text/ids": (3,), "text/mask": (4,), "image": (5,)})
    assert (found.macs, found.input_shape) == (24, {"text": {"ids": [3], "mask": [4]}, "image": [5]})
    assert count_model(Nested(), {"text": {"ids": (3,), "mask": (4,)}, "image": (5,)}).macs == 24


def test_a_model_that_only_trains_has_nothing_to_count() -> None:
    class Pair(keras.Model):
        def train_step(self, *data: Any) -> Any:
            raise NotImplementedError

    with pytest.raises(ValueError, match=r"has no call\(\), so there is no forward pass to count"):
        count_model(Pair(), (3,))


def test_open_length_is_uncounted_until_a_shape_is_given() -> None:
    model = sequential(layers.LSTM(4, return_sequences=True, name="lstm"), shape=(None, 3))
    model.add(layers.GlobalMaxPooling1D())
    model.add(layers.Dense(2))
    open_ended = count_model(model)
    assert [row.name for row in open_ended.uncounted] == ["lstm"]
    assert (open_ended.macs, open_ended.input_shape) == (8, [None, 3])
    assert count_model(model, input_shape=[7, 3]).macs == 7 * 4 * (12 + 16) + 8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((7, 5), "7×5 does not fit input"),
        ([(7, 3), (1,)], "1 inputs, but input_shape gives 2"),
        ({"wrong": (7, 3)}, "names \\['wrong'\\]"),
    ],
)
def test_input_shape_that_does_not_fit(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_model(sequential(layers.LSTM(4), shape=(None, 3)), input_shape=given)


@pytest.mark.parametrize(("policy", "bytes_each"), [("float32", 4), ("mixed_bfloat16", 2), ("float16", 2)])
def test_activations_have_the_size_of_their_dtype(policy: str, bytes_each: int) -> None:
    model = sequential(layers.Dense(3, dtype=policy), layers.ReLU(dtype=policy), shape=(4,))
    assert count_model(model).activation_bytes == 2 * 3 * bytes_each


def replaced() -> list[Any]:
    """What is replaced in Keras while a model is counted."""
    owners = {keras.Layer: "__call__ symbolic_call _maybe_build add_loss", keras.Operation: "symbolic_call"}
    owners |= {keras.Variable: "value assign __mul__ __rmatmul__", keras.KerasTensor: "__jax_array__"}
    owners |= {keras.ops: "matmul einsum custom_gradient", keras.random.SeedGenerator: "next"}
    found = [getattr(owner, name) for owner, names in owners.items() for name in names.split()]
    return [*found, hasattr(keras.KerasTensor, "__array_ufunc__"), keras.config.is_traceback_filtering_enabled()]


def test_counting_leaves_the_model_and_keras_as_they_were() -> None:
    dense, own = layers.Dense(3), OwnKernel()
    model = sequential(dense, own, shape=(4,))
    before = replaced()
    output, nodes = dense.output, len(own._inbound_nodes)
    count_model(model)
    assert dense.output is output
    assert len(own._inbound_nodes) == nodes
    assert replaced() == before
    assert tuple(model(np.zeros((2, 4), "float32")).shape) == (2, 3)


def test_a_model_that_fails_leaves_keras_as_it_was() -> None:
    class Refuses(layers.Layer):
        refuses = False

        def call(self, inputs: Any) -> Any:
            if self.refuses:
                raise KeyError("no shapes")
            return inputs

    model = sequential(layer := Refuses(name="closed"), shape=(4,))
    layer.refuses = True
    before = replaced()
    with pytest.raises(
        ValueError, match=r"layer 'closed' \(Refuses\) runs neither .*: KeyError: 'no shapes' \(test_coun"
    ):
        count_model(model)
    assert replaced() == before


def test_unbuilt_layers_of_a_model_are_built_as_keras_would_afterwards() -> None:
    class Outer(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.block = Residual(4)

        def call(self, inputs: Any) -> Any:
            return self.block(inputs)

    model = Outer()
    assert count_model(model, input_shape=(4,)).macs == 32
    assert (model.built, model.block.built) == (False, False)
    assert tuple(model(np.zeros((2, 4), "float32")).shape) == (2, 4)


def test_published_keys() -> None:
    found = count_to_dict(count_model(sequential(layers.Dense(3, name="out"), shape=(4,))))
    assert set(found) == {
        *("parameters", "trainable_parameters", "macs", "flops", "units", "weight_layers", "depth"),
        *("input_shape", "output_shape", "activation_bytes", "layers", "uncounted", "product_macs", "training_flops"),
        *("counted_macs", "macs_formula"),
    }
    assert found["layers"] == [{"name": "out", "type": "Dense", "output_shape": [3], "parameters": 15, "macs": 12}]


def test_training_is_three_forward_passes_where_nothing_is_frozen() -> None:
    stack = [layers.Dense(8, name=f"dense{number}") for number in range(3)]
    assert (found := count_model(sequential(*stack, shape=(8,)))).training_flops == 3 * found.flops
    stack[0].trainable = False
    found = count_model(sequential(*stack, shape=(8,)))
    # The first has neither gradient, the second learns.
    assert [layer.training_passes for layer in found.layers] == [1, 3, 3]
    assert found.training_flops == 7 * 2 * 8 * 8


def test_a_shared_layer_learns_at_each_of_its_calls() -> None:
    shared = layers.Dense(8)
    x = keras.Input((8,))
    assert [layer.training_passes for layer in count_model(keras.Model(x, shared(shared(x)))).layers] == [3, 3]
