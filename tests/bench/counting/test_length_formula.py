"""The MACs of a model as a formula of its open length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from anatomy.bench.counting import count_model, inspect
from anatomy.bench.counting.counter import formula_of_open_length


def sequential(shape: tuple[int | None, ...], *stack: Any) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *stack])


def attention() -> keras.Model:
    x = keras.Input((None, 8))
    return keras.Model(x, layers.MultiHeadAttention(2, 4)(x, x))


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "formula", "length"),
    [
        (lambda: sequential((None, 6), layers.LSTM(10), layers.Dense(2)), "640·n + 20", 25),
        (lambda: sequential((None, None, 3), layers.Conv2D(4, 3)), "108·n² − 432·n + 432", 10),
        (lambda: sequential((None, 1), layers.Conv1D(1, 1)), "n", 7),
        (attention, "16·n² + 256·n", 9),
        # A table of 16 positions: only short inputs run.
        (lambda: sequential((None, 4), Table(), layers.Dense(5)), "20·n", 12),
    ],
)
def test_a_polynomial_holds_at_another_length(model: Any, formula: str, length: int) -> None:
    built = model()
    assert formula_of_open_length(built) == formula
    counted = count_model(built, [size or length for size in built.input_shape[1:]]).macs
    assert eval(formula.replace("·", "*").replace("²", "**2").replace("−", "-"), {"n": length}) == counted


class Table(layers.Layer):
    """Positions of at most 16 steps."""

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(16, shape[-1]))

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def call(self, x: Any) -> Any:
        if x.shape[1] is not None and x.shape[1] > 16:
            raise ValueError("too long")
        return x + self.table[: x.shape[1]]


@pytest.mark.long
@pytest.mark.parametrize(
    "model",
    [
        # Floors of n / 2 and of n / 3.
        lambda: sequential((None, 3), layers.Conv1D(4, 3, strides=2, padding="same")),
        lambda: sequential((None, None, 3), layers.AveragePooling2D(3), layers.Conv2D(2, 1)),
        lambda: sequential((None, 6), layers.Lambda(lambda x: keras.ops.fori_loop(0, 3, lambda _, y: y * 2, x))),
    ],
)
def test_what_is_no_polynomial_has_no_formula(model: Any) -> None:
    assert formula_of_open_length(model()) == ""


@pytest.mark.long
def test_inspect_gives_it_where_a_length_is_open(tmp_path: Path) -> None:
    place = tmp_path / "mine.py"
    place.write_text(
        "import keras\ndef build(length=None):\n"
        "    return keras.Sequential([keras.Input((length, 6)), keras.layers.LSTM(10)])\n"
    )
    assert inspect(f"{place}:build").macs_formula == "640·n"
    assert inspect(f"{place}:build:length=25").macs_formula == ""
