"""Samples of outputs: the same places for the same shapes, whatever the dtype."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.workload.output_sample import SIZE, not_finite, sample_outputs

SHAPES = st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=3), min_size=1, max_size=3)


@given(SHAPES, st.integers(0, 99))
def test_places_depend_on_the_shapes_alone(shapes: list[list[int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    flat = np.concatenate([array.ravel() for array in first])
    sampled = sample_outputs(first)
    assert len(sampled) == min(SIZE, flat.size)
    assert sampled[0] == flat[0]
    assert sampled[-1] == flat[-1] or len(sampled) == 1
    assert sample_outputs([array * 2 for array in first]) == [2 * value for value in sampled]


def test_no_value_is_taken_twice() -> None:
    sampled = sample_outputs([np.arange(1000)])
    assert len(set(sampled)) == SIZE
    assert sampled == sorted(sampled)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_counted(bad: float) -> None:
    assert not_finite([np.array([1.0, bad]), np.array([1, 2])]) == "1 of 4 values"
    assert not_finite([np.array([1.0]), np.array([1, 2]), np.array([True])]) == ""
