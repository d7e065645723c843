"""Weights that two virtual devices share, on JAX."""

from __future__ import annotations

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Share, Suite
from tests.bench.conftest import TESTS, Measure, cases_of

MLP = "mlp:hidden=32x32,classes=10"
MAPS = TESTS / "data" / "layout_maps.py"
needs_jax = pytest.mark.skipif("jax" not in installed_backends(), reason="jax is not installed")


@pytest.mark.extended
@pytest.mark.backends
@needs_jax
def test_a_shared_model_trains_as_one_device_does(measure: Measure) -> None:
    axes = {"backend": "jax", "mode": ["train", "infer"], "batch_size": 8}
    records = measure(cases_of([MLP], **axes, devices=[1, 2, 4], model_parallel=[2]))
    assert [(r.outcome, r.reason) for r in records] == [("ok", "")] * 6
    one, two, four, *_ = records
    assert [(r.case.devices, r.case.model_parallel, r.case.batch_size) for r in (one, two, four)] == [
        (1, 1, 8),
        (2, 2, 8),
        (4, 2, 16),
    ]
    for record in (two, four):
        assert record.settings["strategy"] == "DividedByOutputs"
        # Kernels of 20 × 32, 32 × 32 and 32 × 10; biases are whole on each.
        kernels, biases = 20 * 32 + 32 * 32 + 32 * 10, 32 + 32 + 10
        assert record.settings["shared_weights"] == pytest.approx(kernels / (kernels + biases))
        assert record.equality is not None
        assert record.equality.verdict == "equal", record.equality
        assert record.all_reduce is None
        assert "share the weights" in record.not_measured["all_reduce"]


@pytest.mark.extended
@pytest.mark.backends
@needs_jax
def test_a_users_layout_map_is_used(measure: Measure) -> None:
    axes = {"backend": "jax", "mode": "train", "batch_size": 8, "devices": 2, "model_parallel": 2}
    (record,) = measure(cases_of([MLP], **axes, layout_map=f"{MAPS}:by_inputs"))
    assert record.outcome == "ok", record.reason
    assert record.settings["strategy"] == "ModelParallel"
    # The two hidden layers; the last one has another name.
    assert record.settings["shared_weights"] == pytest.approx((20 * 32 + 32 * 32) / 2058)
    assert record.equality is not None
    assert record.equality.verdict == "equal", record.equality
    (refused,) = measure(cases_of([MLP], **axes, layout_map=f"{MAPS}:nothing"), folder="other")
    assert refused.outcome == "crashed"
    assert "return a keras.distribution.LayoutMap" in refused.reason


@pytest.mark.backends
def test_other_backends_say_that_they_cannot(measure: Measure) -> None:
    (record,) = measure(cases_of([MLP], backend="tensorflow", mode="infer", devices=2, model_parallel=2))
    assert record.outcome == "unsupported"
    assert "on JAX alone" in record.reason


def test_the_ways_to_share_a_step_are_each_planned_once() -> None:
    axes = Axes.model_validate({"devices": [1, 2, 4], "model_parallel": [1, 2], "scaling": ["weak", "strong"]})
    assert [(s.devices, s.model_parallel, s.scaling, s.batch_of(8)) for s in axes.shares()] == [
        (1, 1, "weak", 8),
        (2, 1, "weak", 16),
        (2, 1, "strong", 8),
        (2, 2, "weak", 8),
        (4, 1, "weak", 32),
        (4, 1, "strong", 8),
        (4, 2, "weak", 16),
        (4, 2, "strong", 8),
    ]
    assert Axes().shares() == (Share(1, 1, "weak", ""),)


def test_nodes_have_equal_parts_and_one_device_is_on_one_node() -> None:
    suite = Suite.model_validate({"name": "t", "backend": "jax", "mode": "infer", "matrix": [{"model": "mlp"}]})
    cases = plan(suite, Axes(), nodes=2)
    assert [(case.devices, case.nodes) for case in cases] == [(1, 1), (2, 2)]
    odd = Axes.model_validate({"devices": 3})
    with pytest.raises(ValueError, match="3 devices are not equally many on each of 2 nodes"):
        plan(suite, odd, nodes=2)
