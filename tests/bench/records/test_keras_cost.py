"""The stored cost of Keras: ratio, interval, and the file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.keras_cost import COSTS_FILE, KerasCost, append_cost, read_costs

KERAS = Case(model="mlp", backend="jax", mode="infer", batch_size=8)
NATIVE = Case(model="mlp", backend="native-jax", mode="infer", batch_size=8)


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=9))
def test_the_ratio_is_the_median_pair_and_lies_in_its_interval(effects: list[float]) -> None:
    cost = KerasCost(keras=KERAS, native=NATIVE, effects=effects)
    assert cost.ratio is not None
    assert cost.interval is not None
    assert math.exp(min(effects)) * (1 - 1e-9) <= cost.ratio <= math.exp(max(effects)) * (1 + 1e-9)
    low, high = cost.interval
    assert low <= cost.ratio * (1 + 1e-9)
    assert cost.ratio <= high * (1 + 1e-9)
    swapped = KerasCost(keras=KERAS, native=NATIVE, effects=[-effect for effect in effects])
    assert swapped.ratio == pytest.approx(1 / cost.ratio)


def test_one_pair_has_no_interval() -> None:
    assert KerasCost(keras=KERAS, native=NATIVE, effects=[0.1]).interval is None
    assert KerasCost(keras=KERAS, native=NATIVE).ratio is None


def test_the_last_cost_of_a_case_is_read_back(tmp_path: Path) -> None:
    assert read_costs(tmp_path) == []
    first, last = (KerasCost(keras=KERAS, native=NATIVE, effects=[effect]) for effect in (0.1, 0.2))
    append_cost(tmp_path, first)
    append_cost(tmp_path, last)
    assert read_costs(tmp_path) == [last]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / COSTS_FILE).write_text('{"schema_version": 1}\n')
    with pytest.raises(UsageError, match="line 1"):
        read_costs(tmp_path)
