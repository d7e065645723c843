"""The plan of a run knows what the user left to it."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.runner.run_plan import plan_suite
from anatomy.bench.suites.suite import Axes, Suite


@pytest.mark.parametrize(
    ("given", "suite", "left_out"),
    [
        ({}, {"matrix": [{"model": "mlp"}]}, True),
        ({"batch_size": 16}, {"matrix": [{"model": "mlp"}]}, False),
        ({}, {"matrix": [{"model": "mlp"}], "batch_size": 16}, False),
        ({}, {"matrix": [{"model": "mlp"}, {"model": "mlp", "batch_size": 16}]}, False),
    ],
)
def test_a_dataset_may_say_the_batch_size_only_where_nobody_has(given: Any, suite: Any, left_out: bool) -> None:
    plan = plan_suite(Suite.model_validate({"name": "s", **suite}), Axes.model_validate(given), (), {})
    assert plan.settings.batch_of_dataset is left_out
    assert plan.as_search().settings.batch_of_dataset is False
