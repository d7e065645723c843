"""Synthetic data: realistic, reproducible, of the right kind, and learnable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.workload.learnable_data import carry, draw_targets

LOSSES = ["sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mean_squared_error"]


@given(
    loss=st.sampled_from(LOSSES),
    batch=st.integers(1, 9),
    space=st.lists(st.integers(1, 9), max_size=2),
    classes=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_targets_have_the_shape_and_range_of_their_loss(
    loss: str, batch: int, space: list[int], classes: int, seed: int
) -> None:
    shape = (batch, *space, classes)
    (target,) = draw_targets(np.random.default_rng(seed), [shape], [loss])
    assert np.array_equal(target, draw_targets(np.random.default_rng(seed), [shape], [loss])[0])
    if loss.startswith("sparse"):
        assert target.shape == shape[:-1]
        assert target.min() >= 0
        assert target.max() < classes
    else:
        assert target.shape == shape
    if loss.startswith("categorical"):
        assert (target.sum(axis=-1) == 1).all()
    if loss.startswith("binary"):
        assert set(np.unique(target)) <= {0.0, 1.0}


@given(shape=st.lists(st.integers(1, 12), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_inputs_stay_normal_numbers(shape: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((8, *shape), dtype=np.float32)
    carried = carry(rng, x, rng.integers(0, 5, 8), 2)
    assert carried.dtype == x.dtype
    assert carried.shape == x.shape
    assert np.isfinite(carried).all()
    assert (np.abs(carried) > np.finfo(np.float32).tiny).all()


@given(vocabulary=st.integers(2, 500), classes=st.integers(2, 10), seed=st.integers(0, 99))
def test_tokens_stay_in_the_vocabulary(vocabulary: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, vocabulary, (16, 20)).astype(np.int32)
    carried = carry(rng, x, rng.integers(0, classes, 16), vocabulary)
    assert carried.dtype == np.int32
    assert carried.min() >= 0
    assert carried.max() < vocabulary


def test_examples_of_a_class_are_alike() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 200)
    x = carry(rng, rng.standard_normal((400, 16, 16, 3), dtype=np.float32), labels, 2)
    means = [x[labels == k].mean(axis=0) for k in (0, 1)]
    # Each class's mean is its pattern, of unit variance, within the noise of 200 examples.
    assert np.std(means[0] - means[1]) == pytest.approx(np.sqrt(2), rel=0.25)
    assert np.std(x[labels == 0] - means[0]) == pytest.approx(1.0, rel=0.05)


def test_a_mask_raises_the_inputs_under_it() -> None:
    rng = np.random.default_rng(2)
    (mask,) = draw_targets(rng, [(4, 16, 16, 1)], ["binary_crossentropy"])
    x = carry(rng, rng.standard_normal((4, 16, 16, 1), dtype=np.float32), mask, 2)
    assert x[mask == 1].mean() - x[mask == 0].mean() == pytest.approx(1.0, abs=0.2)


def test_auxiliary_heads_share_the_classes() -> None:
    shape = (32, 10)
    first, second = draw_targets(np.random.default_rng(3), [shape, shape], [LOSSES[0]] * 2)
    assert np.array_equal(first, second)
