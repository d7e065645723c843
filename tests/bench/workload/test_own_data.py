"""Data that come with a model: a batch is cut from them, a dataset's first batches are joined."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.backends.step import Batch
from anatomy.bench.workload.own_data import read_own_data
from tests.data.users_models import Batches

X, Y = np.arange(40).reshape(20, 2), np.arange(20.0)


@settings(deadline=None)
@given(size=st.integers(1, 20))
def test_a_step_takes_the_first_examples(size: int) -> None:
    batch = read_own_data(({"a": X, "b": [Y]}, Y, Y), size)
    assert np.array_equal(batch.x["a"], X[:size])
    assert np.array_equal(batch.x["b"][0], Y[:size])
    assert np.array_equal(batch.y, batch.sample_weight)


def test_inputs_alone_have_no_targets() -> None:
    batch = read_own_data([X, Y], 4)
    assert (len(batch.x), batch.y, batch.dataset) == (2, None, None)


@settings(deadline=None)
@given(size=st.integers(1, 48))
def test_a_datasets_first_batches_are_joined(size: int) -> None:
    dataset = Batches()
    batch = read_own_data(dataset, size)
    assert batch.x.shape == (size, 20)
    assert np.array_equal(batch.x, np.concatenate([dataset[number][0] for number in range(6)])[:size])
    assert (batch.dataset, batch.dataset_batch) == (dataset, 8)


def test_a_datasets_own_batch_is_taken_where_none_is_given() -> None:
    batch = read_own_data(Batches(), 32, datasets_own=True)
    assert (len(batch.x), batch.dataset_batch) == (8, 8)
    assert len(read_own_data((X, Y), 4, datasets_own=True).x) == 4


@pytest.mark.parametrize(
    ("data", "size", "said"),
    [
        ((X, Y), 32, "20 examples came with the model, and a step takes 32: give more, or --batch-size 20"),
        ((X, Y[:5]), 4, r"have \[5, 20\] examples"),
        ((X, Y, Y, Y), 4, r"5 things came from the builder; expected \(model, inputs\)"),
        (Batches(), 99, "48 examples came with the model"),
    ],
)
def test_what_does_not_fit_is_said(data: Any, size: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_own_data(data, size)


@pytest.mark.parametrize(
    ("batch", "trains", "expected"),
    [
        (Batch(X, Y), True, (X, Y)),
        (Batch(X, Y, Y), True, (X, Y, Y)),
        (Batch(X, Y), False, (X,)),
        # As Keras packs inputs alone: as they are, unless they are a structure.
        (Batch(X), True, X),
        (Batch([X, X]), True, ([X, X],)),
    ],
)
def test_a_step_is_given_what_fit_gives_it(batch: Batch, trains: bool, expected: Any) -> None:
    assert keras.tree.map_structure(id, batch.of_step(trains)) == keras.tree.map_structure(id, expected)


def test_a_loaders_lists_are_inputs_and_targets() -> None:
    torch = pytest.importorskip("torch")
    data = torch.utils.data
    loader = data.DataLoader(data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=5)
    batch = read_own_data(loader, 8)
    assert np.array_equal(batch.x, X[:8])
    assert np.array_equal(batch.y, Y[:8])
    assert (batch.dataset, batch.dataset_batch) == (loader, 5)
