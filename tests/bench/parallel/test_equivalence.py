"""When several devices train as one: the comparison of trajectories, and the parts it is made from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.parallel.equivalence import TOLERANCE, compare
from anatomy.bench.parallel.reference_steps import SAMPLE, sampled, single_losses
from anatomy.bench.parallel.shards import shard
from anatomy.bench.protocol.trajectory import Trajectory

ONE = Trajectory(losses=[2.0, 1.5], updates=[[[0.1, -0.2, 0.05], [0.02]]], names=["dense/kernel", "dense/bias"])


def _several(scale: float = 1.0, other: float = 1.0, losses: tuple[float, ...] = (2.0, 1.5)) -> Trajectory:
    """Two devices, the first with updates of `scale` times those on one, the second of `other` times the first's."""
    first = [[scale * value for value in values] for values in ONE.updates[0]]
    second = [[other * value for value in values] for values in first]
    return Trajectory(losses=list(losses), updates=[first, second], names=ONE.names)


def test_the_same_steps_are_equal() -> None:
    found = compare(_several(), ONE, "float32", 2)
    assert found.verdict == "equal"
    assert (found.loss_deviation, found.update_deviation, found.replica_deviation) == (0, 0, 0)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_tolerance_follows_the_dtype(dtype: str) -> None:
    limit = TOLERANCE[dtype]
    assert compare(_several(1 + 0.9 * limit), ONE, dtype, 2).verdict == "equal"
    assert compare(_several(1 + 1.1 * limit), ONE, dtype, 2).verdict == "differs"
    assert compare(_several(1 + 0.9 * limit), ONE, f"mixed_{dtype}", 2).tolerance == limit


def test_a_sum_where_a_mean_was_meant_is_named() -> None:
    found = compare(_several(2.0), ONE, "mixed_bfloat16", 2)
    assert found.verdict == "differs"
    assert "dense/kernel has moved otherwise than on one (by 1" in found.reason


def test_devices_that_go_apart_are_found_first() -> None:
    found = compare(_several(other=1.01), ONE, "mixed_bfloat16", 2)
    assert found.verdict == "differs"
    assert "the 2 devices hold different weights" in found.reason
    assert "gradients are not synchronised" in found.reason


def test_losses_that_are_not_those_of_one_device() -> None:
    found = compare(_several(losses=(2.0, 1.6)), ONE, "float32", 2)
    assert found.verdict == "differs"
    assert "losses of 2 steps" in found.reason


def test_weights_that_are_not_finite_are_no_equal_training() -> None:
    broken = Trajectory(losses=ONE.losses, updates=[[[0.1, math.nan, 0.05], [0.02]]], names=ONE.names)
    assert compare(broken, broken, "float32", 2).verdict == "not checked"
    found = compare(broken, ONE, "float32", 2)
    assert found.verdict == "differs"
    assert "not finite after the steps on 2 devices" in found.reason


def test_a_variable_that_moves_by_rounding_alone_is_no_difference() -> None:
    one = ONE.model_copy(update={"updates": [[[0.1, -0.2, 0.05], [1e-9]]]})
    several = one.model_copy(update={"updates": [[[0.1, -0.2, 0.05], [-3e-9]]] * 2})
    assert compare(several, one, "float32", 2).verdict == "equal"


def test_what_cannot_be_judged_says_why() -> None:
    drawing = ONE.model_copy(update={"random": ["augment"]})
    found = compare(_several(), drawing, "float32", 2)
    assert (found.verdict, found.reason) == ("not checked", "augment draws random numbers of its own on each device")
    found = compare(_several(losses=(2.0, math.inf)), ONE, "float32", 2)
    assert found.verdict == "not checked"
    assert "not finite" in found.reason


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=8))
def test_losses_of_single_steps_follow_from_running_means(losses: list[float]) -> None:
    means = [float(np.mean(losses[: number + 1])) for number in range(len(losses))]
    assert list(single_losses(means)) == pytest.approx(losses)


@given(st.integers(1, 500))
def test_a_sample_has_the_ends_and_no_more_than_it_may(size: int) -> None:
    (values,) = sampled([np.arange(size, dtype=np.float32)])
    assert len(values) == min(size, SAMPLE)
    assert values[0] == 0
    assert size == 1 or values[-1] == size - 1


# The first call imports Keras.
@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 5))
def test_parts_join_to_the_whole(count: int, size: int) -> None:
    whole = {"a": np.arange(count * size), "b": np.ones((count * size, 2))}
    parts = [shard(whole, rank, count) for rank in range(count)]
    assert np.array_equal(np.concatenate([part["a"] for part in parts]), whole["a"])
    assert all(part["b"].shape == (size, 2) for part in parts)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="5 examples do not divide into 2 equal parts"):
        shard(np.zeros(5), 0, 2)
