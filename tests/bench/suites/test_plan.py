"""From suites to cases."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.pytest_plugin.items import point_id, points_of
from anatomy.bench.records.case import KERAS_BACKENDS, Case
from anatomy.bench.suites.plan import count_case, plan
from anatomy.bench.suites.suite import Axes, Suite, load_suite
from anatomy.models import zoo
from anatomy.models.claims import CLAIMS


@pytest.fixture(autouse=True)
def _all_backends_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ("tensorflow", "jax", "torch", "openvino")
    monkeypatch.setattr("anatomy.bench.suites.plan.installed_backends", lambda: everything)


def planned(overrides: dict[str, Any] | None = None, models: tuple[str, ...] = (), **suite: Any) -> list[Case]:
    return plan(Suite.model_validate({"name": "s", **suite}), Axes.model_validate(overrides or {}), models)


def test_defaults_are_both_modes_on_every_backend_that_can() -> None:
    cases = planned(matrix=[{"model": "mlp"}])
    assert [(c.mode, c.backend) for c in cases] == [
        ("train", "tensorflow"),
        ("train", "jax"),
        ("train", "torch"),
        ("infer", "tensorflow"),
        ("infer", "jax"),
        ("infer", "torch"),
        ("infer", "openvino"),
    ]


def test_a_pair_asked_for_by_name_stays_and_will_say_why_not() -> None:
    cases = planned(matrix=[{"model": "mlp", "backend": "openvino", "mode": "train"}])
    assert [(c.mode, c.backend) for c in cases] == [("train", "openvino")]


@pytest.mark.parametrize(
    ("asked", "points"),
    [
        ({}, [("infer", "tensorflow")]),
        ({"mode": "train"}, [("train", "tensorflow")]),
        ({"backend": "jax"}, [("infer", "jax")]),
        ({"backend": "jax", "mode": ["train", "predict"]}, [("train", "jax"), ("predict", "jax")]),
    ],
)
def test_a_saved_model_is_planned_as_it_can_run_and_as_it_was_asked_for(
    asked: dict[str, Any], points: list[tuple[str, str]]
) -> None:
    assert [(c.mode, c.backend) for c in planned(asked, matrix=[{"model": "./saved"}])] == points


@pytest.mark.parametrize("name", ["keras.applications.ResNet50", "keras.applications:ResNet50"])
def test_a_model_of_a_suite_is_selected_in_either_spelling(name: str) -> None:
    matrix = [{"model": ["keras.applications.ResNet50:classes=3", "mlp"], "backend": "jax", "mode": "infer"}]
    assert [c.model for c in planned(models=(name,), matrix=matrix)] == ["keras.applications:ResNet50"]


def test_command_line_beats_matrix_beats_suite() -> None:
    matrix = [{"model": "mlp", "batch_size": [2, 3]}]
    suite: dict[str, Any] = {"batch_size": [1], "backend": "jax", "mode": "infer", "matrix": matrix}
    assert [c.batch_size for c in planned(**suite)] == [2, 3]
    assert [c.batch_size for c in planned({"batch_size": [9]}, **suite)] == [9]
    assert {c.backend for c in planned(**suite)} == {"jax"}


def test_excludes_leave_out_and_includes_add_after_them() -> None:
    cases = planned(
        backend=["jax", "torch"],
        mode="infer",
        matrix=[{"model": ["mlp", "lstm"]}],
        exclude=[{"model": "lstm", "backend": "torch"}],
        include=[{"model": "lstm", "backend": "torch", "jit": "on"}],
    )
    assert [(c.model, c.backend, c.jit) for c in cases] == [
        ("mlp", "jax", "auto"),
        ("mlp", "torch", "auto"),
        ("lstm", "jax", "auto"),
        ("lstm", "torch", "on"),
    ]


def test_the_same_point_is_planned_once() -> None:
    assert len(planned(backend="jax", mode="infer", matrix=[{"model": ["mlp", "mlp:hidden=64x64"]}])) == 1


def test_counts_come_last_and_need_no_device() -> None:
    cases = planned(backend="jax", mode="infer", matrix=[{"model": "mlp"}], count=["vgg:depth=19"])
    assert [(c.model, c.mode) for c in cases] == [("mlp", "infer"), ("vgg", "count")]
    assert cases[-1].options["depth"] == 19


def test_a_stateful_model_takes_the_batch_size_of_its_step() -> None:
    (case,) = planned(backend="jax", mode="infer", matrix=[{"model": "lstm:stateful=true", "batch_size": 5}])
    assert case.options["batch_size"] == 5


@pytest.mark.parametrize(
    ("model", "message"),
    [("vggg", "vgg"), ("vgg:dept=11", "depth"), ("vgg:depth=eleven", "depth")],
)
def test_mistakes_in_models_are_explained(model: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        planned(matrix=[{"model": model}])


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(UsageError, match="no case is left"):
        planned(matrix=[{"model": "mlp"}], exclude=[{"model": "mlp"}])
    with pytest.raises(UsageError, match=r"no case is left|no model named"):
        planned(models=("unet",), matrix=[{"model": "mlp"}], count=["vgg"])


@pytest.mark.long
@pytest.mark.parametrize("name", ["quick", "full"])
def test_suites_count_all_that_the_claims_need(name: str) -> None:
    models = [*(text for claim in CLAIMS for text in claim.subjects), *(architecture.name for architecture in zoo())]
    needed = {count_case(text).key for text in models}
    assert sum("rcnn" in text for text in models) > 3
    assert needed <= {case.key for case in plan(load_suite(name), Axes()) if case.mode == "count"}


def test_the_quick_suite_measures_the_whole_zoo_on_every_backend() -> None:
    cases = [case for case in plan(load_suite("quick"), Axes()) if case.mode != "count"]
    expected = set(product((architecture.name for architecture in zoo()), KERAS_BACKENDS))
    assert {(case.model, case.backend) for case in cases} == expected


def test_a_feed_multiplies_the_loops_alone() -> None:
    cases = planned(
        {"mode": ["train", "fit"], "backend": "jax", "feed": ["numpy", "tf.data"]}, matrix=[{"model": "mlp"}]
    )
    assert [(case.mode, case.feed) for case in cases] == [("train", "numpy"), ("fit", "numpy"), ("fit", "tf.data")]
    assert len({case.key for case in cases}) == 3


def test_a_feed_without_a_loop_is_refused() -> None:
    with pytest.raises(ValueError, match="for the modes fit and predict"):
        Case(model="mlp", mode="train", feed="tf.data")


def test_keys_made_before_there_were_feeds_still_hold() -> None:
    assert Case(model="mlp", mode="fit").key == "2b0518c56533"


def test_a_dataset_for_the_compiled_step_alone_says_which_modes_take_one() -> None:
    with pytest.raises(UsageError, match="add --mode fit, predict"):
        planned({"mode": "train", "feed": "tf.data"}, matrix=[{"model": "mlp"}])


def test_a_marker_that_leaves_no_item_is_an_error() -> None:
    with pytest.raises(UsageError, match="for the modes fit, predict"):
        points_of(pytest.mark.anatomy(feed="tf.data").mark)


def test_with_weak_scaling_each_device_has_the_batch_and_with_strong_they_share_it() -> None:
    axes = {"mode": "train", "backend": "jax", "batch_size": 8, "devices": [1, 2, 4], "scaling": ["weak", "strong"]}
    cases = planned(axes, matrix=[{"model": "mlp"}])
    assert [(c.devices, c.batch_size) for c in cases] == [(1, 8), (2, 16), (2, 8), (4, 32), (4, 8)]
    weak = planned({**axes, "scaling": None}, matrix=[{"model": "mlp"}])
    assert [(c.devices, c.batch_size) for c in weak] == [(1, 8), (2, 16), (4, 32)]


def test_a_stateful_model_is_built_for_the_whole_batch() -> None:
    cases = planned({"mode": "train", "backend": "jax", "devices": [1, 2]}, matrix=[{"model": "lstm:stateful=true"}])
    assert [(c.batch_size, c.options["batch_size"]) for c in cases] == [(32, 32), (64, 64)]


def test_several_devices_are_for_backends_that_have_them_unless_asked_for_by_name() -> None:
    axes = {"mode": "infer", "devices": [2]}
    assert "openvino" not in {c.backend for c in planned(axes, matrix=[{"model": "mlp"}])}
    assert planned({**axes, "backend": "openvino"}, matrix=[{"model": "mlp"}])


def test_the_items_of_a_backend_follow_one_another() -> None:
    found = points_of(pytest.mark.anatomy(batch_size=[8, 16]).mark)
    assert [point["backend"] for point in found] == [
        backend for backend in KERAS_BACKENDS for _ in range(2 if backend == "openvino" else 4)
    ]
    assert [point_id(point) for point in found[:4]] == [
        f"{KERAS_BACKENDS[0]}-{mode}-b{size}-float32" for mode in ("train", "infer") for size in (8, 16)
    ]


def test_a_markers_devices_are_items() -> None:
    marker = pytest.mark.anatomy(backend="jax", mode="train", batch_size=8, devices=[1, 2]).mark
    found = points_of(marker)
    assert [point_id(point) for point in found] == ["jax-train-b8-float32", "jax-train-b16-float32-2dev"]
    assert [point["devices"] for point in found] == [1, 2]
