"""Weights drawn by numpy have the distributions of Keras's own initialisers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats

from anatomy.bench.workload.numpy_initialisers import numpy_initialisers

INITIALISERS = {
    "glorot_uniform": lambda: keras.initializers.GlorotUniform(seed=1),
    "he_normal": lambda: keras.initializers.HeNormal(seed=1),
    "lecun_uniform": lambda: keras.initializers.LecunUniform(seed=1),
    "random_normal": lambda: keras.initializers.RandomNormal(mean=1.0, stddev=0.1, seed=1),
    "truncated_normal": lambda: keras.initializers.TruncatedNormal(stddev=0.1, seed=1),
    "random_uniform": lambda: keras.initializers.RandomUniform(-0.2, 0.7, seed=1),
}


@pytest.mark.parametrize("name", INITIALISERS)
@pytest.mark.parametrize("shape", [(3, 3, 16, 32), (64, 80)])
def test_same_distribution_as_keras(name: str, shape: tuple[int, ...]) -> None:
    theirs = _values(INITIALISERS[name]()(shape))
    with numpy_initialisers(seed=3):
        ours = _values(INITIALISERS[name]()(shape))
    # Both samples are seeded, so that this comes out the same each time.
    assert stats.ks_2samp(ours, theirs).pvalue > 0.01
    assert not np.array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(32, 128), (128, 32), (3, 3, 4, 16)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    with numpy_initialisers(seed=2):
        values = _values(keras.initializers.Orthogonal(gain=2.0)(shape)).reshape(-1, shape[-1])
    gram = values @ values.T if values.shape[0] < values.shape[1] else values.T @ values
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_constants_and_repeatability() -> None:
    with numpy_initialisers(seed=5):
        first = [w.numpy().ravel() for w in _model().weights]
    with numpy_initialisers(seed=5):
        second = [w.numpy().ravel() for w in _model().weights]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (first[1] == 0).all()


def test_keras_is_as_before_afterwards() -> None:
    before = keras.initializers.Zeros.__call__
    with numpy_initialisers():
        assert keras.initializers.Zeros.__call__ is not before
    assert keras.initializers.Zeros.__call__ is before


def _model() -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(2)])


def _values(tensor: Any) -> np.ndarray[Any, Any]:
    return np.asarray(keras.ops.convert_to_numpy(tensor)).ravel()
