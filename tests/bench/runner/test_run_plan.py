"""The plan of a run knows what the user left to it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from anatomy import models
from anatomy.bench.runner.run_plan import plan_run, plan_suite
from anatomy.bench.suites import plan
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


@pytest.mark.parametrize("sizes", [3, 30])
def test_what_a_plan_reads_does_not_grow_with_its_cases(monkeypatch: pytest.MonkeyPatch, sizes: int) -> None:
    """The project's file once, a model's text once, whatever the number of cases."""
    read: Counter[str] = Counter()

    def counted(module: Any, name: str) -> None:
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: (read.update([name]), whole(*given))[1])

    counted(plan, "read_pyproject")
    counted(models, "parse_model")
    axes = {"batch_size": [str(1 + size) for size in range(sizes)], "backend": ["jax"], "mode": ["train"]}
    assert len(plan_run(["mlp", "lstm"], None, axes, {}).cases) == 2 * sizes
    assert read == {"read_pyproject": 1, "parse_model": 2}
