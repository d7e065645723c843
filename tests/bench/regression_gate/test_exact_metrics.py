"""Counts of both sides: the same lower bound is compared and named, unlike ones are not compared."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.regression_gate.exact_metrics import compare_exactly
from anatomy.bench.regression_gate.policy import DEFAULTS
from tests.factories import make_case, make_counts


@pytest.mark.parametrize(
    ("base", "candidate", "verdict", "reason"),
    [
        ({}, {}, "PASS", ""),
        ({}, {"flops": 4_001}, "FAIL", ""),
        ({"uncounted": ["scan"]}, {"uncounted": ["scan"]}, "PASS", "of the layers that are counted; left out: scan"),
        (
            {"uncounted": ["scan"]},
            {},
            "INCONCLUSIVE",
            "left out of the count: scan in the base, nothing in the candidate",
        ),
    ],
)
def test_a_lower_bound_is_named(base: dict[str, Any], candidate: dict[str, Any], verdict: str, reason: str) -> None:
    ours, theirs = ({"counts": make_counts(**changes).model_dump()} for changes in (base, candidate))
    parameters, flops = compare_exactly(make_case(mode="count"), ours, theirs, DEFAULTS)
    assert (flops.metric, flops.verdict, flops.reason) == ("flops", verdict, reason)
    assert (parameters.verdict, parameters.reason) == ("PASS", "")
