"""What makes up the cost of Keras, in words."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.profiling.explanation import Change, Explanation
from anatomy.bench.profiling.keras_difference import difference_sentence, ratio_sentence
from anatomy.bench.records.case import Case
from anatomy.bench.records.keras_cost import KerasCost


def explanation(**shares: float) -> Explanation:
    kinds = [
        Change(name=name.replace("_", " "), before=1.0, after=1.0 + share, share=share)
        for name, share in sorted(shares.items(), key=lambda item: -abs(item[1]))
    ]
    return Explanation(before="native", after="keras", before_step=1.0, after_step=2.0, layers=[], kinds=kinds)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"host": 0.71, "data_movement": 0.19, "convolution": 0.1}, "71% host time: Python and dispatch, 19% copies"),
        ({"host": 1.2, "idle": -0.2}, "in part made up for by less of waiting (20%)"),
        ({"convolution": 2.49, "idle": -1.49}, "not told"),
        ({"convolution": 0.01}, "spread over all kinds"),
    ],
)
def test_the_parts_are_named_largest_first(shares: dict[str, float], words: str) -> None:
    assert words in difference_sentence(explanation(**shares))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"effects": [0.7, 0.69, 0.71]}, "Keras takes 2.01 × as long (95 %"),
        ({"effects": [0.7]}, "one pair of processes: no interval"),
        ({"effects": [0.01, -0.01, 0.0]}, "no difference can be told"),
        ({"effects": [-0.7, -0.69, -0.71]}, "Keras is faster"),
        ({"outcome": "unsupported", "reason": "no translation"}, "unsupported: no translation"),
    ],
)
def test_the_ratio_is_said(fields: dict[str, Any], words: str) -> None:
    keras, native = (Case(model="mlp", backend=name, mode="infer") for name in ("jax", "native-jax"))
    assert words in ratio_sentence(KerasCost(keras=keras, native=native, **fields))
