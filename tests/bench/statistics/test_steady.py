"""Series of known course get their class; noise alone is settled."""

from __future__ import annotations

import numpy as np
import pytest

from anatomy.bench.statistics.change_points import change_points
from anatomy.bench.statistics.steady import FEWEST, classify, has_settled
from tests.bench.statistics.test_interval import noise

N = 300
AT = np.arange(N)
COURSES = {
    "flat": (np.ones(N), "settled"),
    "outliers": (np.where(AT % 17 == 0, 4.0, 1.0), "settled"),
    "blip": (np.where(abs(AT - 100) < 5, 2.0, 1.0), "settled"),
    "warm-up": (1 + 2 * 0.97**AT, "drifting"),
    "faster": (np.where(AT > 150, 0.8, 1.0), "drifting"),
    "slower": (np.where(AT > 150, 1.3, 1.0), "slowing"),
    "creeping": (1 + 0.5 * AT / N, "slowing"),
    "to and fro": (np.where(AT // 60 % 2, 1.3, 1.0), "never settled"),
}


def wobble(seed: int, n: int = N) -> np.ndarray:
    return 0.01 * np.exp(0.03 * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("seed", range(5))
def test_a_course_gets_its_class(course: str, seed: int) -> None:
    factors, label = COURSES[course]
    assert classify(list(wobble(seed) * factors)).label == label


def test_a_step_is_found_where_it_is() -> None:
    found = change_points(list(wobble(0) * np.where(AT >= 150, 1.3, 1.0)))
    assert len(found) == 1
    assert found[0] == pytest.approx(150, abs=4)


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.05), (0.5, 0.15)])
def test_noise_alone_is_settled(phi: float, most: float) -> None:
    rng = np.random.default_rng(5)
    labels = [classify(list(noise(rng, n, phi))).label for n in (30, 120, 600) for _ in range(60)]
    assert np.mean([label != "settled" for label in labels]) <= most


def test_a_short_series_says_so() -> None:
    assert classify([0.1] * (FEWEST - 1)).label == "short"
    assert not has_settled([0.1] * (FEWEST - 1))


def test_the_class_does_not_depend_on_the_unit() -> None:
    values = wobble(1) * COURSES["slower"][0]
    ours, theirs = classify(list(values * 1e3)), classify(list(values))
    assert (ours.label, ours.change_points) == (theirs.label, theirs.change_points)
    assert ours.last_over_first == pytest.approx(theirs.last_over_first)


def test_warm_up_goes_on_while_steps_become_faster() -> None:
    falling = [0.01 * (1 + 2 * 0.9**k) for k in range(60)]
    assert not has_settled(falling[:15])
    assert has_settled(falling + [0.01] * 60)


def test_equal_times_have_settled() -> None:
    assert has_settled([0.01] * FEWEST)
    assert classify([0.01] * 100).label == "settled"
