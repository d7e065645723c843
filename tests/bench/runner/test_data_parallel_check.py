"""When several devices are compared with one, and when that is not asked."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.records.case import Case
from anatomy.bench.runner.data_parallel_check import DataParallelCheck
from anatomy.bench.runner.worker_handle import PartialResult


def ask(**fields: Any) -> tuple[Any, list[Case]]:
    """The verdict where all reference steps fail, and the cases whose steps were asked for."""
    asked: list[Case] = []

    def fail(case: Case) -> PartialResult:
        asked.append(case)
        return PartialResult("crashed", "it was tried")

    case = Case.model_validate({"model": "mlp", "batch_size": 8, "devices": 2, **fields})
    return DataParallelCheck().verdict(case, fail), asked


def test_training_on_several_devices_is_compared() -> None:
    verdict, cases = ask(mode="fit", backend="jax", feed="tf.data")
    assert verdict.reason == "it was tried"
    assert [(case.mode, case.feed, case.devices) for case in cases] == [("train", "numpy", 2)]


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "infer", "backend": "jax"},
        {"mode": "train", "backend": "jax", "devices": 1},
        {"mode": "fit", "backend": "torch"},
        {"mode": "train", "backend": "torch", "batch_size": 7},
    ],
    ids=["infers", "one device", "fit of torch", "odd batch"],
)
def test_what_does_not_train_or_cannot_be_shared_starts_no_process(fields: dict[str, Any]) -> None:
    assert ask(**fields) == (None, [])
