"""Each formula against a count made one multiplication at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.counting.einsum import einsum_macs, einsum_pairs, einsum_shape
from anatomy.bench.counting.formulas import FORMULAS

small = st.integers(1, 4)


def windows(length: int, kernel: int, stride: int) -> int:
    """Positions of a window that lies inside, found by sliding it."""
    return sum(1 for start in range(0, length, stride) if start + kernel <= length)


@given(st.lists(small, max_size=3), small, small)
def test_dense_counts_one_dot_product_for_each_output(axes: list[int], features: int, units: int) -> None:
    inputs, kernel = np.ones((1, *axes, features)), np.ones((features, units))
    # With ones everywhere, the sum of all outputs is the number of multiplications.
    counted = FORMULAS["Dense"](SimpleNamespace(units=units), inputs.shape, (1, *axes, units))
    assert counted == (inputs @ kernel).sum()


@given(st.integers(3, 9), st.integers(3, 9), st.integers(1, 3), st.integers(1, 3), small, small, st.integers(1, 3))
def test_convolution_counts_every_product(
    height: int, width: int, kernel: int, stride: int, per_group: int, filters_per_group: int, groups: int
) -> None:
    channels, filters = per_group * groups, filters_per_group * groups
    rows, columns = windows(height, kernel, stride), windows(width, kernel, stride)
    multiplied = 0
    for group, _filter, _row, _column in product(range(groups), range(filters_per_group), range(rows), range(columns)):
        for channel, _, _ in product(range(channels), range(kernel), range(kernel)):
            multiplied += channel // per_group == group
    layer = SimpleNamespace(data_format="channels_last", kernel_size=(kernel, kernel), groups=groups, filters=filters)
    inputs, outputs = (None, height, width, channels), (None, rows, columns, filters)
    assert FORMULAS["Conv2D"](layer, inputs, outputs) == multiplied


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), small, small)
def test_transposed_convolution_spreads_every_input(
    length: int, kernel: int, stride: int, channels: int, filters: int
) -> None:
    output = np.zeros(((length - 1) * stride + kernel, filters))
    for position in range(length):
        # Each input channel adds its product with each element of the kernel.
        output[position * stride : position * stride + kernel] += channels
    layer = SimpleNamespace(data_format="channels_last", kernel_size=(kernel,), filters=filters)
    shapes = (None, length, channels), (None, *output.shape)
    assert FORMULAS["Conv1DTranspose"](layer, *shapes) == output.sum()


@given(st.integers(3, 8), st.integers(1, 3), small, small, small)
def test_separable_is_depthwise_and_pointwise(
    length: int, kernel: int, channels: int, multiplier: int, filters: int
) -> None:
    positions = windows(length, kernel, 1)
    layer = SimpleNamespace(
        data_format="channels_last", kernel_size=(kernel,), depth_multiplier=multiplier, filters=filters
    )
    inputs, outputs = (None, length, channels), (None, positions, filters)
    depthwise = sum(1 for _ in product(*map(range, (positions, kernel, channels, multiplier))))
    pointwise = sum(1 for _ in product(*map(range, (positions, channels, multiplier, filters))))
    assert FORMULAS["DepthwiseConv1D"](layer, inputs, outputs) == depthwise
    assert FORMULAS["SeparableConv1D"](layer, inputs, outputs) == depthwise + pointwise


def cell(kind: str, units: int) -> Any:
    return type(kind, (), {"units": units})()


@given(st.sampled_from([("SimpleRNNCell", 1), ("GRUCell", 3), ("LSTMCell", 4)]), small, small, small)
def test_recurrent_layer_multiplies_input_and_state_in_each_gate(
    kind: tuple[str, int], steps: int, features: int, units: int
) -> None:
    name, gates = kind
    multiplied = 0.0
    for _step, _gate in product(range(steps), range(gates)):
        multiplied += (np.ones(features) @ np.ones((features, units))).sum()
        multiplied += (np.ones(units) @ np.ones((units, units))).sum()
    layer = SimpleNamespace(cell=cell(name, units))
    assert FORMULAS["LSTM"](layer, (None, steps, features), (None, units)) == multiplied


def test_channels_first_is_read_from_the_layer() -> None:
    layer = SimpleNamespace(data_format="channels_first", kernel_size=(3, 3), groups=1, filters=64)
    assert FORMULAS["Conv2D"](layer, (None, 3, 224, 224), (None, 64, 224, 224)) == 224 * 224 * 27 * 64


@pytest.mark.parametrize("name", ["Dense", "LSTM", "Conv1D"])
def test_unknown_length_is_not_zero(name: str) -> None:
    layer = SimpleNamespace(
        data_format="channels_last", kernel_size=(3,), groups=1, filters=2, cell=cell("LSTMCell", 2)
    )
    assert FORMULAS[name](layer, (None, None, 4), (None, None, 2)) is None


EQUATIONS = ["ab,bc->ac", "abc,cd->abd", "...x,xy->...y", "abc,cde->abde", "aecd,abcd->acbe", "ab,b->a"]


@given(st.sampled_from(EQUATIONS), st.data())
def test_einsum_agrees_with_numpy(equation: str, data: st.DataObject) -> None:
    sizes = {label: data.draw(small, label) for label in "abcdexy"}
    hidden = data.draw(st.lists(small, max_size=2))
    operands = [
        np.ones((*(hidden if "..." in labels else []), *(sizes[label] for label in labels.replace(".", ""))))
        for labels in equation.split("->")[0].split(",")
    ]
    result = np.einsum(equation, *operands)
    shapes = [operand.shape for operand in operands]
    assert einsum_shape(equation, *shapes) == result.shape
    # Over ones, every product adds one to some output.
    assert einsum_macs(equation, *shapes) == result.sum()


CHAINS = [
    "ab,bc,cd->ad",
    "ab,bc,cd,de->ae",
    "...a,ab,bc->...c",
    "ab,abc,c->a",
    "a,b,c->abc",
    "ab,bc,cd",
    "ab,cd,bd->ac",
]


@given(st.sampled_from(CHAINS), st.data())
def test_einsum_of_several_multiplies_two_at_a_time_in_the_shortest_order(equation: str, data: st.DataObject) -> None:
    sizes = {label: data.draw(small, label) for label in "abcde."}
    labels = equation.replace("...", ".").split("->")[0].split(",")
    shapes = [[sizes[label] for label in operand] for operand in labels]
    named = equation.replace("...", ".").partition("->")[2]
    result = set(named) if named else {label for label in "abcde" if "".join(labels).count(label) == 1}
    ways = list(orders([set(operand) for operand in labels], result, sizes))
    assert einsum_macs(equation, *shapes) in {macs for operations, macs in ways if operations == min(ways)[0]}
    _, left, right = einsum_pairs(equation, *shapes)[-1]
    assert sorted(left + right) == list(range(len(shapes)))


def orders(factors: list[set[str]], result: set[str], sizes: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Operations and MACs of every order of products of two; one that adds nothing up has no additions."""
    if len(factors) == 1:
        yield 0, 0
    for one, other in combinations(range(len(factors)), 2):
        rest = [factor for place, factor in enumerate(factors) if place not in (one, other)]
        both = factors[one] | factors[other]
        kept = both & result.union(*rest)
        macs = math.prod(sizes[label] for label in both)
        for operations, further in orders([*rest, kept], result, sizes):
            yield macs * (1 + (kept != both)) + operations, macs + further


def test_einsum_of_one_operand_multiplies_nothing() -> None:
    assert (einsum_macs("ij->ji", (3, 4)), einsum_macs("ii->i", (3, 3)), einsum_macs("ij->", (3, None))) == (0, 0, 0)
    assert einsum_macs("ab,bc,cd->ad", (2, 3), (3, None), (None, 4)) is None


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ab,bc->ac", [(2, 3)], "2 operands, but 1"),
        ("ab,bc->ac", [(2, 3), (4, 5)], "'b' is 3 and 4"),
        ("ab,bc->ac", [(2, 3, 4), (3, 5)], "does not fit a shape of rank 3"),
    ],
)
def test_einsum_that_does_not_fit(equation: str, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        einsum_macs(equation, *shapes)
