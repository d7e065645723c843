"""Marks lead from scopes to layers, whatever a backend makes of their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.profiling.layers import PARTS, Layers, Row

NAMES = ["dense", "dense_1", "encoder/dense", "encoder/block/dense_1", "conv 1", "größe"]


class Held:
    """A layer with weights."""

    def __init__(self, *weights: object) -> None:
        self.weights = weights


KERNEL, BIAS = object(), object()
BLOCK, DENSE = Held(KERNEL, BIAS), Held(BIAS)


@pytest.fixture
def layers() -> Layers:
    rows = [Row(name, "Layer", None, 0, 0) for name in NAMES]
    return Layers(rows, [("encoder/dense", BLOCK), ("encoder/block/dense_1", DENSE)])


@pytest.mark.parametrize("name", [*NAMES, *PARTS])
@pytest.mark.parametrize("again", ["", "_1", "_2"])
def test_a_mark_leads_to_its_row_when_its_scope_was_opened_again(layers: Layers, name: str, again: str) -> None:
    mark = layers.mark(name)
    assert mark.isascii()
    assert "/" not in mark
    assert layers.find(["gradient_tape", f"{mark}{again}", "dense_1", "MatMul"]) == name


def test_the_innermost_mark_counts(layers: Layers) -> None:
    outer, inner = layers.mark("encoder/dense"), layers.mark("encoder/block/dense_1")
    assert layers.find([outer, "encoder", inner, "dense"]) == "encoder/block/dense_1"
    assert layers.find([outer, "encoder"]) == "encoder/dense"


def test_without_a_mark_there_is_no_row(layers: Layers) -> None:
    assert layers.find(["dense", "dense_1", "encoder"]) is None
    assert layers.find([]) is None


def test_objects_and_weights_have_their_layer(layers: Layers) -> None:
    assert layers.mark_of(DENSE) == layers.mark("encoder/block/dense_1")
    assert layers.mark_of(object()) is None
    assert layers.of_weight(BIAS) == "encoder/block/dense_1"
    assert layers.of_weight(KERNEL) == "encoder/dense"
    assert layers.of_weight(object()) is None


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_any_names_can_be_marked(names: list[str]) -> None:
    layers = Layers([Row(name, "Layer", None, 0, 0) for name in names if name not in PARTS])
    assert all(layers.find([layers.mark(name)]) == name for name in layers.rows)
