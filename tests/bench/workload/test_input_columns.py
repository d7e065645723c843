"""Columns of one input have ranges of their own, and arithmetic before a table shifts what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from anatomy.bench.script.data_source import _input
from anatomy.bench.script.expression import InexpressibleError
from anatomy.bench.workload.input_uses import find_uses
from anatomy.bench.workload.model_inputs import input_leaves
from anatomy.bench.workload.synthetic_batch import draw_batch, plan_inputs

BATCH = 200


def model_of(shape: tuple[int, ...], dtype: str, use: Callable[[Any], Any]) -> Any:
    x = keras.Input(shape, dtype=dtype)
    return keras.Model(x, use(x))


def drawn(model: Any) -> Any:
    return draw_batch(plan_inputs(model, BATCH, {}), (), None).x


def scripted(model: Any) -> Any:
    """What the script of a case draws for the only input."""
    plan = plan_inputs(model, BATCH, {})
    (leaf,) = input_leaves(plan.structure)
    names: dict[str, Any] = {"np": np, "rng": np.random.default_rng(0)}
    names["frequencies"] = lambda rows: np.ones(rows) / rows
    return eval(_input(leaf, plan.values[0]), names)


def table(rows: int, **options: Any) -> Any:
    return layers.Embedding(rows, 4, **options)


class OffsetTable(layers.Layer):
    """One table for all fields: each field's ids are shifted to rows of their own."""

    def __init__(self, as_weight: bool) -> None:
        super().__init__()
        self.table, self.as_weight = layers.Embedding(1014, 4), as_weight

    def build(self, _: Any) -> None:
        self.table.build((None, 3))
        self.offsets = self.add_weight(shape=(3,), dtype="int32", trainable=False, initializer="zeros")
        self.offsets.assign([0, 1000, 1012])

    def call(self, x: Any) -> Any:
        return self.table(x + (self.offsets if self.as_weight else ops.array([0, 1000, 1012])))


@pytest.mark.parametrize(
    ("dtype", "use", "expected"),
    [
        ("int32", lambda x: table(100)(x + 1), (0, 98)),
        ("int32", lambda x: table(100)(1 + x), (0, 98)),
        ("float32", lambda x: table(100)(x + 1), (0, 98)),
        ("int32", lambda x: table(100)(ops.add(ops.cast(x, "int64"), 3)), (0, 96)),
        ("int32", lambda x: table(100)(x - 1), (1, 100)),
        ("int32", lambda x: table(100)(99 - x), (0, 99)),
        ("int32", lambda x: table(100)((x + 5) - 2), (0, 96)),
        ("int32", lambda x: table(100, mask_zero=True)(x + 1), (0, 98)),
        ("int32", lambda x: table(100)(-x), (-99, 0)),
        ("int32", lambda x: table(100)(x * 2), (0, 49)),
        ("int32", lambda x: table(100)(x // 10), (0, 999)),
        ("int32", lambda x: table(10)(x % 100), (0, 9)),
        ("int32", lambda x: table(100)(x % 100), (0, 9999)),
        ("uint8", lambda x: table(100)(x % 100), (0, 255)),
        ("int32", lambda x: table(50)(x // 100) + table(100)(x % 100), (0, 4999)),
        ("int32", lambda x: table(100)(ops.clip(x, 1, 200)), (1, 99)),
        ("int32", lambda x: table(100)(ops.maximum(x, 0)), (0, 99)),
        ("int32", lambda x: table(100)(ops.minimum(x, 49)), (0, 49)),
        ("int32", lambda x: table(100)(ops.where(x > 99, 0, x)), (0, 99)),
        ("int32", lambda x: table(100)(ops.where(x < 0, x + 100, x)), (0, 99)),
        ("int32", lambda x: ops.one_hot(x + 2, 12), (0, 9)),
        ("int32", lambda x: ops.take(np.zeros((70, 4), "float32"), x - 3, axis=0), (3, 72)),
        ("int32", layers.Lambda(lambda x: layers.Embedding(100, 4)(x + 1)), (0, 98)),
        ("float32", lambda x: (x + 0.5) / 256.0, (0, 255)),
        ("float32", lambda x: layers.Rescaling(1 / 127.5, offset=-1.0)((x + 1.0) * 127.5), (-1, 1)),
    ],
)
def test_arithmetic_before_a_use_moves_the_range(dtype: str, use: Any, expected: Any) -> None:
    model = model_of((4,), dtype, use)
    (found,) = plan_inputs(model, BATCH, {}).drawn()
    assert found.range == expected
    for x in (drawn(model), scripted(model)):
        assert expected[0] <= x.min() <= x.max() <= expected[1]


def test_a_fraction_that_is_scaled_to_ids_is_drawn_as_a_fraction() -> None:
    x = drawn(model_of((4,), "float32", lambda x: table(100)(ops.cast(x * 100, "int32"))))
    assert 0 <= x.min() < 0.3 < 0.6 < x.max() < 1


@pytest.mark.parametrize("as_weight", [False, True])
def test_offsets_of_fields_in_one_table(as_weight: bool) -> None:
    x = drawn(model_of((3,), "int32", OffsetTable(as_weight)))
    assert x.min() == 0
    assert (x + np.array([0, 1000, 1012])).max() <= 1013
    assert x[:, 0].max() > 500


FIELDS = (1000, 12, 2)


def by_index(x: Any) -> Any:
    return ops.concatenate([table(n)(x[:, k]) for k, n in enumerate(FIELDS)])


def by_ellipsis(x: Any) -> Any:
    return ops.concatenate([table(n)(x[..., k]) for k, n in enumerate(FIELDS)])


def by_slice(x: Any) -> Any:
    return ops.concatenate([table(n)(x[:, k : k + 1]) for k, n in enumerate(FIELDS)])


def by_negative(x: Any) -> Any:
    return ops.concatenate([table(n)(x[:, k - 3]) for k, n in enumerate(FIELDS)])


def by_split(x: Any) -> Any:
    return ops.concatenate([table(n)(part) for part, n in zip(ops.split(x, 3, axis=-1), FIELDS, strict=True)])


def by_places(x: Any) -> Any:
    return ops.concatenate([table(n)(part) for part, n in zip(ops.split(x, [1, 2], axis=1), FIELDS, strict=True)])


def by_unstack(x: Any) -> Any:
    return ops.concatenate([table(n)(part) for part, n in zip(ops.unstack(x, axis=1), FIELDS, strict=True)])


def by_take(x: Any) -> Any:
    return ops.concatenate([table(n)(ops.take(x, k, axis=1)) for k, n in enumerate(FIELDS)])


def by_list(x: Any) -> Any:
    return ops.concatenate([table(n)(ops.take(x, np.array([k]), axis=-1)) for k, n in enumerate(FIELDS)])


def by_transpose(x: Any) -> Any:
    return ops.concatenate([table(n)(ops.transpose(x)[k]) for k, n in enumerate(FIELDS)])


def by_cast(x: Any) -> Any:
    ids = ops.reshape(ops.cast(x, "int64"), (-1, 3, 1))
    return ops.concatenate([table(n)(ops.squeeze(ids[:, k], -1)) for k, n in enumerate(FIELDS)])


def by_layer(x: Any) -> Any:
    return ops.concatenate([table(n)(layers.Lambda(lambda x, k=k: x[:, k])(x)) for k, n in enumerate(FIELDS)])


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize(
    "use",
    [
        by_index,
        by_ellipsis,
        by_slice,
        by_negative,
        by_split,
        by_places,
        by_unstack,
        by_take,
        by_list,
        by_transpose,
        by_cast,
        by_layer,
    ],
)
def test_each_column_has_the_range_of_its_table(use: Any, dtype: str) -> None:
    model = model_of((3,), dtype, use)
    (found,) = plan_inputs(model, BATCH, {}).drawn()
    assert found.range == (0, 999)
    assert found.why.startswith("columns: 0 Embedding ")
    assert "of 12 rows; 2 Embedding" in found.why
    for x in (drawn(model), scripted(model)):
        assert (x.dtype, x.shape) == (dtype, (BATCH, 3))
        assert x.min() == 0
        assert 100 < x[:, 0].max() <= 999
        assert x[:, 1:].max(axis=0).tolist() == [11, 1]


def test_columns_of_a_sequence() -> None:
    model = model_of((7, 3), "int32", lambda x: ops.concatenate([table(n)(x[..., k]) for k, n in enumerate(FIELDS)]))
    for x in (drawn(model), scripted(model)):
        assert x.shape == (BATCH, 7, 3)
        assert x.max(axis=(0, 1)).tolist()[1:] == [11, 1]
        assert x[..., 0].max() > 100


def test_a_field_a_row_of_a_sequence_of_its_own() -> None:
    """The first axis tells the fields apart, and one of them is padded."""
    model = model_of((2, 9), "int32", lambda x: table(900, mask_zero=True)(x[:, 0]) + table(5)(x[:, 1]))
    for x in (drawn(model), scripted(model)):
        assert x[:, 1].max() == 4
        assert (np.diff((x[:, 0] != 0).astype(int), axis=1) <= 0).all()
        assert x[:, 0].max() > 100
    assert plan_inputs(model, BATCH, {}).drawn()[0].why.startswith("axis 1: 0 Embedding")


def test_a_shifted_column() -> None:
    x = drawn(model_of((2,), "int32", lambda x: table(30)(x[:, 0] + 1) + table(9)((x + 2)[:, 1])))
    assert x.min(axis=0).tolist() == [0, 0]
    assert x.max(axis=0).tolist() == [28, 6]


@pytest.mark.parametrize(
    ("fields", "use", "largest"),
    [
        (2, lambda x: table(120)(x[:, 0] * 12 + x[:, 1]), [9, 11]),
        (2, lambda x: table(120)(x[:, 1] + 12 * x[:, 0]), [9, 11]),
        (3, lambda x: table(240)(x[:, 0] * 24 + x[:, 1] * 2 + x[:, 2]), [9, 11, 1]),
        (3, lambda x: table(240)((x[:, 0] * 12 + x[:, 1]) * 2 + x[:, 2]), [9, 11, 1]),
        (2, lambda x: table(100)(x[:, 0] + x[:, 1]), [49, 49]),
    ],
)
def test_fields_that_are_crossed_stay_within_the_table(fields: int, use: Any, largest: list[int]) -> None:
    model = model_of((fields,), "int32", use)
    for x in (drawn(model), scripted(model)):
        assert (x >= 0).all()
        assert (x <= largest).all()
        assert (x.max(axis=0) > 0).all()


def features(x: Any) -> Any:
    return layers.Concatenate()([table(300)(x[:, 0]), x[:, 1:]])


def whole(x: Any) -> Any:
    """The features are seen only together with the ids."""
    return layers.Concatenate()([table(300)(x[:, 0]), layers.Dense(2)(x)])


def flags(x: Any) -> Any:
    return layers.Concatenate()([table(300)(x[:, 0]), ops.cast(x[:, 1:] > 0, "float32")])


def last(x: Any) -> Any:
    return layers.Concatenate()([table(300)(ops.cast(x[:, -1], "int32")), x[:, :-1] * 2 + 1])


@pytest.mark.parametrize(("use", "column"), [(features, 0), (whole, 0), (flags, 0), (last, 4)])
def test_a_column_of_ids_among_features(use: Any, column: int) -> None:
    model = model_of((5,), "float32", lambda x: layers.Dense(1)(use(x)))
    for x in (drawn(model), scripted(model)):
        ids, others = x[:, column], np.delete(x, column, axis=1)
        assert x.dtype == np.float32
        assert (ids == np.rint(ids)).all()
        assert ids.min() >= 0
        assert 40 < ids.max() <= 299
        assert others.min() < -1
        assert 0.8 < others.std() < 1.2
    why = plan_inputs(model, BATCH, {}).drawn()[0].why
    assert "standard normal" in why
    assert "of 300 rows" in why


def test_a_column_that_nothing_reads_is_no_part() -> None:
    (found,) = plan_inputs(model_of((9,), "int32", lambda x: table(50)(x[:, :-1])), BATCH, {}).drawn()
    assert found.range == (0, 49)
    assert "columns" not in found.why


def test_a_sequence_and_the_same_one_step_later_are_one() -> None:
    """Shifted slices of one text are no columns."""
    ask = lambda x: table(80, mask_zero=True)(x[:, :-1]) + table(80)(x[:, 1:])  # noqa: E731
    (found,) = plan_inputs(model_of((9,), "int32", ask), BATCH, {}).drawn()
    assert found.range == (0, 79)
    assert "columns" not in found.why


def test_columns_with_scales_of_their_own() -> None:
    """A normalization of some columns, an id, and bytes."""

    def use(x: Any) -> Any:
        scaled = layers.Normalization(mean=[100.0, -3.0], variance=[25.0, 0.01])(x[:, 1:3])
        return ops.concatenate([table(7)(x[:, 0]), scaled, x[:, 3:] / 255.0], axis=-1)

    model = model_of((5,), "float32", use)
    for x in (drawn(model), scripted(model)):
        assert set(x[:, 0]) == set(range(7))
        assert x[:, 1:3].mean(axis=0) == pytest.approx([100, -3], abs=1.5)
        assert x[:, 1:3].std(axis=0) == pytest.approx([5, 0.1], rel=0.2)
        assert x[:, 3:].min() >= 0
        assert 150 < x[:, 3:].max() <= 255


def test_a_column_of_members_and_one_of_bins() -> None:
    def use(x: Any) -> Any:
        known = table(4)(layers.IntegerLookup(vocabulary=[10, 700, 31])(x[:, 0]))
        return known + table(3)(layers.Discretization(bin_boundaries=[0, 10])(x[:, 1])) + table(6)(x[:, 2])

    x = drawn(model_of((3,), "int32", use))
    assert set(x[:, 0]) == {10, 700, 31}
    assert -5 <= x[:, 1].min() < 0 < 10 < x[:, 1].max() <= 15
    assert set(x[:, 2]) == set(range(6))


def test_a_range_that_is_given_holds_for_all_columns() -> None:
    (found,) = plan_inputs(model_of((3,), "int32", by_index), BATCH, {"": "0..1"}).drawn()
    assert (found.range, found.why) == ((0, 1), "given")


@pytest.mark.long
def test_a_model_is_followed_to_its_end() -> None:
    """What is wrong in following it must not pass for a model that cannot be followed."""
    x = keras.KerasTensor((1, 3), dtype="int32")
    for use in (by_index, by_split, by_take, by_cast, OffsetTable(as_weight=True)):
        assert find_uses(model_of((3,), "int32", use), x, {id(x): ""}).failed == ""


def test_the_script_of_places_that_are_no_columns_is_refused() -> None:
    model = model_of((4, 4), "int32", lambda x: table(90)(x[:, 0, 0]) + table(5)(x[:, 1, 2]) + table(7)(x[:, 3, 3]))
    x = drawn(model)
    assert (x[:, 1, 2].max(), x[:, 3, 3].max()) == (4, 6)
    assert 40 < x[:, 0, 0].max() <= 89
    with pytest.raises(InexpressibleError, match="parts"):
        scripted(model)


def test_within_time_distributed_each_column_has_its_table() -> None:
    field = keras.Input((2,), dtype="int32")
    step = keras.Model(field, table(60)(field[:, 0]) + table(4)(field[:, 1]))
    x = drawn(model_of((5, 2), "int32", layers.TimeDistributed(step)))
    assert x.max(axis=(0, 1)).tolist() == [59, 3]


@pytest.mark.parametrize("dtype", ["int32", "string"])
def test_crossed_hashes_take_any_value(dtype: str) -> None:
    if dtype == "string" and keras.backend.backend() != "tensorflow":
        pytest.skip("strings are TensorFlow's")
    a, b = keras.Input((), dtype=dtype), keras.Input((), dtype=dtype)
    model = keras.Model([a, b], layers.HashedCrossing(20, output_mode="one_hot")((a, b)))
    for x in drawn(model):
        assert len(set(x)) > 20


class Endpoint(layers.Layer):
    """Adds the loss of its targets."""

    def __init__(self, loss: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.loss = loss

    def call(self, targets: Any, logits: Any) -> Any:
        self.add_loss(ops.mean(self.loss(targets, logits)))
        return ops.softmax(logits)


LOSSES = keras.losses


@pytest.mark.parametrize(
    ("loss", "shape", "largest"),
    [
        (LOSSES.BinaryCrossentropy(from_logits=True), (10,), 1),
        (LOSSES.BinaryCrossentropy(label_smoothing=0.1), (10,), 1),
        (LOSSES.BinaryFocalCrossentropy(), (10,), 1),
        (LOSSES.binary_crossentropy, (10,), 1),
        (ops.binary_crossentropy, (10,), 1),
        (LOSSES.SparseCategoricalCrossentropy(from_logits=True), (), 9),
        (LOSSES.sparse_categorical_crossentropy, (1,), 9),
        (ops.sparse_categorical_crossentropy, (), 9),
        (LOSSES.CategoricalCrossentropy(from_logits=True), (10,), 1),
        (LOSSES.CategoricalCrossentropy(label_smoothing=0.1), (10,), 1),
        (ops.categorical_crossentropy, (10,), 1),
        (LOSSES.Hinge(), (10,), 1),
        (LOSSES.hinge, (10,), 1),
        (LOSSES.SquaredHinge(), (10,), 1),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_targets_within_the_model_are_what_their_loss_takes(loss: Any, shape: Any, largest: int, dtype: str) -> None:
    x, targets = keras.Input((3,)), keras.Input(shape, dtype=dtype)
    own = loss
    if loss in (ops.binary_crossentropy, ops.categorical_crossentropy, ops.sparse_categorical_crossentropy):
        kind = "int32" if loss is ops.sparse_categorical_crossentropy else "float32"
        own = lambda targets, logits: loss(ops.cast(targets, kind), logits)  # noqa: E731
    y = drawn(keras.Model([x, targets], Endpoint(own)(targets, layers.Dense(10)(x))))[1]
    assert y.dtype == dtype
    assert set(np.unique(y)) == set(range(largest + 1))
    if "categorical" in str(getattr(loss, "name", getattr(loss, "__name__", ""))) and largest == 1:
        assert (y.sum(axis=-1) == 1).all()


@pytest.mark.parametrize("loss", [LOSSES.KLDivergence(), LOSSES.kl_divergence])
def test_targets_of_a_divergence_are_shares(loss: Any) -> None:
    x, targets = keras.Input((3,)), keras.Input((10,))
    y = drawn(keras.Model([x, targets], Endpoint(loss)(targets, layers.Dense(10)(x))))[1]
    assert 0 <= y.min() < 0.2 < 0.8 < y.max() <= 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="strings are TensorFlow's")
def test_columns_of_strings() -> None:
    def use(x: Any) -> Any:
        return layers.StringLookup(vocabulary=["a", "b"])(x[:, 0]) + layers.StringLookup(vocabulary=["c"])(x[:, 1])

    x = drawn(model_of((2,), "string", use))
    assert (set(x[:, 0]), set(x[:, 1])) == ({"a", "b"}, {"c"})
