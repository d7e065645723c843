"""A race drops what is surely worse, keeps what is equal, and seldom drops the best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.tuning.race import MOST_ROUNDS, Race

NOISE = 0.02


def run(figures: dict[str, float], seed: int, kept: str = "default", noise: float = NOISE) -> Race:
    """A race of settings whose true figures are given, between processes that differ."""
    rng = np.random.default_rng(seed)
    race = Race(list(figures), kept, 0.03)
    while not race.stops():
        # What the machine does in a round, it does to all.
        of_round = rng.normal(scale=0.1)
        race.add_round({n: figures[n] * math.exp(of_round + rng.normal(scale=noise)) for n in race.to_measure})
    return race


def test_a_clearly_better_setting_is_left() -> None:
    race = run({"default": 100.0, "jax": 200.0, "torch": 150.0}, seed=0)
    assert race.running == ["jax"]
    assert race.stops() == "one is left"
    # What the winner is compared with is measured to the end.
    assert len(race.figures("default")) == len(race.figures("jax")) == race.rounds
    assert len(race.figures("torch")) < race.rounds or race.rounds == 3


@pytest.mark.parametrize("seed", range(20))
def test_equal_settings_are_said_to_be_equal(seed: int) -> None:
    race = run({"default": 100.0, "jax": 100.5}, seed, noise=0.005)
    assert set(race.equally_good()) == {"default", "jax"}


@pytest.mark.long
def test_the_best_is_seldom_dropped() -> None:
    figures = {"default": 90.0, "best": 100.0, "near": 99.0, "far": 80.0, "other": 95.0}
    lost = sum("best" not in run(figures, seed).running for seed in range(200))
    # 5 % over all comparisons; the bound is for a fixed best, and conservative.
    assert lost <= 10


def test_the_rounds_have_an_end() -> None:
    race = run({"default": 100.0, "jax": 101.0}, seed=1, noise=0.2)
    assert race.rounds == MOST_ROUNDS
    assert race.stops() == "as many rounds as are allowed"


def test_a_setting_that_fails_in_a_round_is_dropped() -> None:
    race = Race(["default", "jax"], "default", 0.03)
    assert race.add_round({"default": 1.0, "jax": None}) == {"jax": math.inf}
    assert race.running == ["default"]


def test_a_default_that_fails_is_measured_no_more() -> None:
    race = Race(["default", "jax", "torch"], "default", 0.03)
    for _ in range(3):
        race.add_round({"default": 1.0, "jax": 10.0, "torch": 9.9})
    assert race.to_measure[-1] == "default"
    race.add_round({"default": None, "jax": 10.0, "torch": 9.9})
    assert "default" not in race.to_measure
    assert len(race.figures("default")) == 3


@settings(max_examples=50)
@given(st.lists(st.floats(1, 1000), min_size=2, max_size=6), st.integers(0, 1000))
def test_there_is_always_a_leader_and_no_other_beats_it(true: list[float], seed: int) -> None:
    figures = {f"s{number}": value for number, value in enumerate(true)}
    race = run(figures, seed, kept="s0")
    assert race.leader in race.running
    best = max(figures.values())
    # Off by no more than what noise may hide.
    assert figures[race.leader] >= 0.9 * best
