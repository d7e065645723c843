"""What is tried, and what is nearer to the default."""

from __future__ import annotations

import pytest

from anatomy.bench.records.case import Case
from anatomy.bench.tuning.search_space import (
    FEEDS,
    STEPS_PER_EXECUTION,
    changed,
    combinations,
    distance,
    kind,
    loop_variants,
    not_searched,
    other_jit,
)

DEFAULT = Case(model="mlp", backend="tensorflow", mode="train", batch_size=32)


def test_the_default_comes_first_and_once() -> None:
    cases = list(combinations(DEFAULT, ("jax", "tensorflow", "torch"), ("float32", "mixed_bfloat16")))
    assert cases[0] == DEFAULT
    assert len({case.key for case in cases}) == len(cases) == 6


def test_what_a_backend_cannot_do_is_left_out() -> None:
    cases = list(combinations(DEFAULT, ("openvino", "native-jax"), ("float32", "mixed_bfloat16")))
    assert [(case.backend, case.dtype) for case in cases[1:]] == [("native-jax", "float32")]


@pytest.mark.parametrize(
    ("backend", "in_effect", "jit"),
    [("tensorflow", False, "on"), ("torch", True, "off"), ("jax", True, None), ("torch", None, None)],
)
def test_the_other_way_of_the_compiler(backend: str, in_effect: bool | None, jit: str | None) -> None:
    other = other_jit(changed(DEFAULT, {"backend": backend}), in_effect)
    assert (other.jit if other is not None else None) == jit


def test_fewer_changes_are_nearer() -> None:
    one = changed(DEFAULT, {"batch_size": 8})
    two = changed(DEFAULT, {"batch_size": 16, "jit": "on"})
    assert sorted([two, one, DEFAULT], key=lambda case: distance(case, DEFAULT)) == [DEFAULT, one, two]
    assert distance(changed(DEFAULT, {"batch_size": 16}), DEFAULT) < distance(one, DEFAULT)


def test_loops_have_other_feeds_and_more_steps_per_execution() -> None:
    fits = changed(DEFAULT, {"mode": "fit"})
    found = list(loop_variants(fits))
    assert {case.steps_per_execution for case in found} == {0, *STEPS_PER_EXECUTION}
    assert {case.feed for case in found} == set(FEEDS)
    # Each differs from the default in one setting.
    assert {distance(case, fits)[0] for case in found} == {1}
    assert len({kind(case) for case in found}) == len(found)
    on_torch = loop_variants(changed(fits, {"backend": "torch"}))
    assert {case.steps_per_execution for case in on_torch} == {0}
    assert "workers of feeds" in not_searched("fit")
    assert "workers of feeds" not in not_searched("train")
