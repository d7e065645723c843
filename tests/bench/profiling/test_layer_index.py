"""Marks lead from scopes to layers, whatever a backend makes of their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.profiling.layer_index import PARTS, LayerEntry, LayerIndex, LayerPlace

NAMES = ["dense", "dense_1", "encoder/dense", "encoder/block/dense_1", "conv 1", "größe"]


class Held:
    """A layer with weights."""

    def __init__(self, *weights: object) -> None:
        self.weights = weights


KERNEL, BIAS = object(), object()
BLOCK, DENSE = Held(KERNEL, BIAS), Held(BIAS)


@pytest.fixture
def layers() -> LayerIndex:
    rows = [LayerEntry(name, "Layer", None, 0, 0) for name in NAMES]
    places = [
        LayerPlace("encoder", "encoder/dense", BLOCK),
        LayerPlace("encoder/block/dense_1", "encoder/block/dense_1", DENSE),
        LayerPlace("decoder/dense", "dense", DENSE),
        LayerPlace("decoder/tail/dense", "dense_1", DENSE),
    ]
    return LayerIndex(rows, places)


@pytest.mark.parametrize("name", [*NAMES, *PARTS])
@pytest.mark.parametrize("again", ["", "_1", "_2"])
def test_a_mark_leads_to_its_row_when_its_scope_was_opened_again(layers: LayerIndex, name: str, again: str) -> None:
    mark = layers.mark(name)
    assert mark.isascii()
    assert "/" not in mark
    assert layers.find(["gradient_tape", f"{mark}{again}", "dense_1", "MatMul"]) == name


def test_the_innermost_mark_counts(layers: LayerIndex) -> None:
    outer, inner = layers.mark("encoder/dense"), layers.mark("encoder/block/dense_1")
    assert layers.find([outer, "encoder", inner, "dense"]) == "encoder/block/dense_1"
    assert layers.find([outer, "encoder"]) == "encoder/dense"


def test_without_a_mark_there_is_no_row(layers: LayerIndex) -> None:
    assert layers.find(["dense", "dense_1", "encoder"]) is None
    assert layers.find([]) is None


def test_a_place_is_where_a_layer_is_called(layers: LayerIndex) -> None:
    def row_of(layer: object, around: str = "") -> str | None:
        place = layers.find_place(layer, around)
        return place.entry if place else None

    assert row_of(BLOCK) == "encoder/dense"
    assert row_of(DENSE, "encoder") == "encoder/block/dense_1"
    assert row_of(DENSE, "decoder") == "dense"
    assert row_of(DENSE, "decoder/tail") == "dense_1"
    # Called past what holds it.
    assert row_of(DENSE, "elsewhere") == "encoder/block/dense_1"
    assert row_of(DENSE, "encod") == "encoder/block/dense_1"
    assert row_of(object()) is None


def test_the_innermost_layer_has_a_weight(layers: LayerIndex) -> None:
    assert layers.layer_of_weight(BIAS) == "dense_1"
    assert layers.layer_of_weight(KERNEL) == "encoder/dense"
    assert layers.layer_of_weight(object()) is None


@pytest.mark.parametrize("name", ["encoder__L5", "dense__L99", "x__L99_anatomy"])
def test_a_name_that_looks_like_a_mark_is_none(layers: LayerIndex, name: str) -> None:
    outer = layers.mark("encoder/dense")
    assert layers.find([outer, name]) == "encoder/dense"
    assert layers.find([name]) is None


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_any_names_can_be_marked(names: list[str]) -> None:
    layers = LayerIndex([LayerEntry(name, "Layer", None, 0, 0) for name in names if name not in PARTS])
    assert all(layers.find([layers.mark(name)]) == name for name in layers.entries)
