"""Each input has the range that the model's own layers and operations give it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from anatomy.bench.backends.step import Batch
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.workload.synthetic_batch import draw_batch, plan_inputs
from tests.data import users_models

BATCH = 64


def single(shape: tuple[int, ...], dtype: str, use: Callable[[Any], Any]) -> Any:
    x = keras.Input(shape, dtype=dtype, name="x")
    return keras.Model(x, use(x))


def drawn(model: Any, given: dict[str, str] | None = None, size: int = BATCH) -> Batch:
    return draw_batch(plan_inputs(model, size, given or {}), (), None)


def ranges(model: Any, given: dict[str, str] | None = None) -> dict[str, Any]:
    return {found.path: found.range for found in plan_inputs(model, BATCH, given or {}).drawn()}


TABLE = np.zeros((70, 4), np.float32)


@pytest.mark.parametrize(
    ("shape", "dtype", "use", "expected"),
    [
        ((7,), "int32", layers.Embedding(5000, 4), (0, 4999)),
        # Keras's default dtype, as in its own text transformer.
        ((7,), "float32", layers.Embedding(50, 4), (0, 49)),
        ((7, 3), "int32", lambda x: layers.Embedding(90, 4)(ops.cast(x[..., 1], "int64")), (0, 89)),
        ((2,), "int32", lambda x: ops.concatenate([layers.Embedding(n, 4)(x) for n in (80, 30)]), (0, 29)),
        ((7,), "int32", lambda x: ops.take(ops.convert_to_tensor(TABLE), x, axis=0), (0, 69)),
        ((7,), "int32", lambda x: ops.one_hot(x, 12), (0, 11)),
        ((1,), "int32", layers.CategoryEncoding(num_tokens=9, output_mode="one_hot"), (0, 8)),
        ((8, 8, 3), "uint8", layers.Rescaling(1 / 255), (0, 255)),
        ((8, 8, 3), "float32", layers.Rescaling(1 / 127.5, offset=-1.0), (0, 255)),
        ((8, 8, 3), "float32", lambda x: x / 255.0, (0, 255)),
        ((8, 8, 3), "float32", lambda x: (ops.cast(x, "float32") - 127.5) * 0.01, (0, 255)),
        ((8, 8, 3), "uint8", lambda x: ops.cast(x, "float32"), (0, 255)),
        ((3,), "float32", layers.Discretization(bin_boundaries=[0.0, 10.0]), (-5, 15)),
        ((3,), "bool", lambda x: ops.cast(x, "float32"), (0, 1)),
        ((3,), "float32", layers.Dense(2), None),
        ((4,), "int32", lambda x: keras.Sequential([layers.Embedding(33, 4), layers.Flatten()])(x), (0, 32)),
        ((5, 4), "int32", layers.TimeDistributed(layers.Embedding(21, 4)), (0, 20)),
    ],
)
def test_a_range_follows_from_the_use(shape: Any, dtype: str, use: Any, expected: Any) -> None:
    model = single(shape, dtype, use)
    assert ranges(model) == {"": expected}
    x = drawn(model).x
    assert (x.dtype, x.shape) == (np.dtype(dtype), (BATCH, *shape))
    if expected is not None and dtype != "bool":
        low, high = expected
        assert low <= x.min() < low + (high - low) / 2 < x.max() <= high


@pytest.mark.long
def test_each_input_has_a_range_of_its_own() -> None:
    assert ranges(users_models.two_towers()) == {"item": (0, 8999), "user": (0, 49)}
    assert ranges(users_models.encoder()) == {"token_ids": (0, 2999), "segment_ids": (0, 1), "padding_mask": (0, 1)}
    assert ranges(users_models.nested()) == {"age": None, "images/0": (0, 255), "images/1": (0, 255)}
    assert ranges(users_models.subclassed(), {"ids": "12:int32"}) == {"ids": (0, 499)}


def test_masks_are_mostly_true_and_end_in_zeros() -> None:
    mask = drawn(users_models.encoder()).x["padding_mask"]
    assert 0.8 < mask.mean() < 1
    assert (np.diff(mask, axis=1) <= 0).all()


def test_floats_have_the_scale_that_a_normalization_expects() -> None:
    model = single((2,), "float32", layers.Normalization(mean=[100.0, -3.0], variance=[25.0, 0.01]))
    x = drawn(model, size=4000).x
    assert x.mean(axis=0) == pytest.approx([100, -3], abs=0.4)
    assert x.std(axis=0) == pytest.approx([5, 0.1], rel=0.1)


def test_members_of_a_vocabulary_are_drawn() -> None:
    model = single((1,), "int64", layers.IntegerLookup(vocabulary=[10, 700, 31]))
    assert set(drawn(model).x.ravel().tolist()) == {10, 700, 31}


def test_what_is_given_wins() -> None:
    model = single((7,), "int32", layers.Embedding(5000, 4))
    assert ranges(model, {"": "10..20"}) == {"": (10, 20)}
    assert set(drawn(model, {"": "10..11"}).x.ravel().tolist()) == {10, 11}


@pytest.mark.parametrize(
    ("use", "given", "said"),
    [
        (
            layers.Embedding(5000, 4, name="table"),
            "7:int32:0..5000",
            "input 'x' is given 0..5000, and Embedding 'table' of 5000 rows has no row for all of these:"
            " give a range within 0..4999, --input x=7:int32:0..4999",
        ),
        (lambda x: layers.Embedding(90, 4)(ops.cast(x[:, 1:], "int64")), "-1..50", "--input x=0..50"),
        (lambda x: layers.Embedding(90, 4)(x) + layers.Embedding(30, 4)(x), "10..89", "--input x=10..29"),
        (layers.Embedding(90, 4), "100..200", "--input x=0..89"),
        (layers.Embedding(90, 4), "0..89", ""),
        # What is not looked up as it is may be anything.
        (lambda x: layers.Embedding(90, 4)(x % 90), "0..5000", ""),
        (lambda x: layers.Embedding(90, 4)(ops.clip(x, 0, 89)), "0..5000", ""),
        (lambda x: ops.one_hot(x, 12), "-1..12", ""),
    ],
)
def test_a_range_beyond_a_table_is_refused(use: Any, given: str, said: str) -> None:
    model = single((7,), "int32", use)
    if not said:
        assert ranges(model, {"x": given})
        return
    with pytest.raises(UsageError, match=re.escape(said)):
        ranges(model, {"x": given})


class OwnCode(layers.Layer):
    """Cannot run on shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.large, self.small = layers.Embedding(400, 4), layers.Embedding(6, 4)

    def call(self, x: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError("no shapes here")
        return self.small(x)


def test_a_model_that_cannot_be_followed_gets_ids_that_every_table_has() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.own = OwnCode()

        def call(self, x: Any) -> Any:
            return self.own(x)

    (found,) = plan_inputs(Model(), 4, {"": "7:int32"}).drawn()
    assert found.range == (0, 5)
    assert "smallest vocabulary" in found.why


@pytest.mark.long
@settings(deadline=None, max_examples=25)
@given(sizes=st.lists(st.integers(2, 3000), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_ids_stay_within_their_tables_and_reach_all_of_them(sizes: list[int], seed: int) -> None:
    ids = [keras.Input((9,), dtype="int32") for _ in sizes]
    tables = [layers.Flatten()(layers.Embedding(size, 1)(x)) for x, size in zip(ids, sizes, strict=True)]
    plan = plan_inputs(keras.Model(ids, tables), 500, {})
    for x, size in zip(keras.tree.flatten(draw_batch(plan, (), None, seed=seed).x), sizes, strict=True):
        assert x.min() >= 0
        assert x.max() < size
        # Of 4,500 uniform draws, a share of 1 - exp(-4500 / size) of the rows is touched; of words, frequent ones more.
        rows = np.arange(1, size + 1)
        shares = np.ones(size) / size if size < 256 else rows**-1.1 / np.sum(rows**-1.1)
        touched = np.sum(1 - np.exp(-4500 * shares))
        assert abs(len(np.unique(x)) - touched) < 0.05 * touched + 4 * touched**0.5


def test_what_a_table_masks_stands_at_the_end() -> None:
    """Zeros are padding there: in the midst of a text they would be no text that anyone has."""
    model = single((40,), "int32", lambda x: layers.GRU(2)(layers.Embedding(1000, 4, mask_zero=True)(x)))
    x = drawn(model).x
    words = (x != 0).sum(axis=1)
    assert all((row[:count] > 0).all() for row, count in zip(x, words, strict=True))
    assert 0.8 < words.mean() / 40 < 1
    assert plan_inputs(model, 4, {}).drawn()[0].range == (0, 999)


@pytest.mark.long
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="strings are TensorFlow's")
def test_texts_are_made_of_the_vocabulary_and_nothing_else_is_made_up() -> None:
    known = keras.Sequential([keras.Input((), dtype="string"), layers.TextVectorization(vocabulary=["a", "b"])])
    assert {word for text in drawn(known).x for word in text.split()} == {"a", "b"}
    hashed = keras.Sequential([keras.Input((), dtype="string"), layers.Hashing(5)])
    assert len(set(drawn(hashed).x)) > 20
    unknown = keras.Sequential([keras.Input((), dtype="string"), layers.Identity()])
    with pytest.raises(NotImplementedError, match="the model does not say which"):
        plan_inputs(unknown, 4, {})
