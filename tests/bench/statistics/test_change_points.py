"""Change points are found where levels change, and not in noise."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.statistics.change_points import BINS, SHORTEST_LEVEL, _pelt, change_points
from tests.bench.statistics.simulate import step_times


def stepped(length: int, *changes: tuple[int, float], seed: int = 0, phi: float = 0.0) -> list[float]:
    """5 % noise around levels: (position, level) from there on."""
    level = np.ones(length)
    for at, factor in changes:
        level[at:] = factor
    return list(step_times(np.random.default_rng(seed), 1, length, phi, heavy=False)[0] * level)


@pytest.mark.parametrize("length", [60, 300, 2000])
@pytest.mark.parametrize("seed", range(4))
def test_a_change_is_found_where_it_is(length: int, seed: int) -> None:
    at = length // 3
    found = change_points(stepped(length, (at, 1.3), seed=seed))
    assert len(found) == 1
    assert found[0] == pytest.approx(at, abs=max(2, 2 * length / BINS))


def test_each_of_several_changes_is_found() -> None:
    found = change_points(stepped(400, (100, 1.3), (200, 0.9), (330, 1.2)))
    assert found == pytest.approx([100, 200, 330], abs=6)


@pytest.mark.long
@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.04), (0.5, 0.1)])
@pytest.mark.parametrize("length", [12, 20, 40, 100, 500])
def test_noise_has_none(length: int, phi: float, most: float, heavy: bool) -> None:
    series = step_times(np.random.default_rng(length), 80, length, phi, heavy)
    assert np.mean([bool(change_points(list(values))) for values in series]) <= most


def test_lone_outliers_and_short_blips_are_none() -> None:
    values = np.array(stepped(300))
    values[::25] *= 4
    values[100:103] *= 3
    assert change_points(list(values)) == []


def test_a_change_below_two_percent_is_none() -> None:
    quiet = 1 + 1e-4 * np.sin(np.arange(200.0))
    assert change_points(list(quiet * np.where(np.arange(200) < 100, 1, 1.015))) == []
    assert change_points(list(quiet * np.where(np.arange(200) < 100, 1, 1.03))) == [100]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 7, [1e-3] * 500])
def test_equal_and_few_values_have_none(values: list[float]) -> None:
    assert change_points(values) == []


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        change_points([1.0] * 20 + [bad])


@given(st.lists(st.floats(1e-5, 10), min_size=8, max_size=60), st.sampled_from([1e-3, 0.1, 60.0]))
@settings(max_examples=50)
def test_they_are_ordered_inside_and_free_of_the_unit(values: list[float], scale: float) -> None:
    found = change_points(values)
    assert found == sorted(set(found))
    assert all(0 < cut < len(values) for cut in found)
    assert change_points([value * scale for value in values]) == found


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=18), st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_pelt_finds_the_cheapest_of_all_partitions(values: list[float], penalty: float) -> None:
    x = np.array(values)

    def cost(cuts: tuple[int, ...] | list[int]) -> float:
        parts = np.split(x, list(cuts))
        return sum(((part - part.mean()) ** 2).sum() for part in parts) + penalty * len(cuts)

    allowed = [
        cuts
        for count in range(len(x) // SHORTEST_LEVEL)
        for cuts in itertools.combinations(range(SHORTEST_LEVEL, len(x) - SHORTEST_LEVEL + 1), count)
        if all(b - a >= SHORTEST_LEVEL for a, b in itertools.pairwise(cuts))
    ]
    assert cost(_pelt(x, penalty)) == pytest.approx(min(map(cost, allowed)), abs=1e-9)


def test_it_is_fast() -> None:
    values = stepped(2000, (700, 1.2))
    best = min(_seconds(values) for _ in range(5))
    assert best < 0.05


def _seconds(values: list[float]) -> float:
    start = time.perf_counter()
    change_points(values)
    return time.perf_counter() - start
