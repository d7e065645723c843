"""When two sides of a measurement agree."""

from __future__ import annotations

import math

import pytest

from tests.ratios import judge_ratio


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ((1.01, 1.0, 0.99, 1.02), "agrees"),
        ((1.2, 1.21, 1.19, 1.2), "differs"),
        ((0.9, 1.2, 0.8, 1.3), "unclear"),
        ((1.06, 1.04, 1.07, 1.05), "unclear"),
    ],
)
def test_a_ratio_is_judged_by_its_interval(ratios: tuple[float, ...], verdict: str) -> None:
    assert judge_ratio("ratio", [math.log(ratio) for ratio in ratios], tolerance=0.05, precision=0.04)[0] == verdict
