"""Models with what no program in JAX or TensorFlow has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import Input, layers, ops


class Twice(layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs: Any) -> Any:
        return 2 * inputs


def _of(*stack: Callable[[], Any], shape: tuple[int, ...] = (6, 3), dtype: str = "float32") -> Callable[[], Any]:
    def build() -> Any:
        inputs = x = Input(shape, batch_size=2, dtype=dtype)
        for make in stack:
            x = make()(x)
        return keras.Model(inputs, x)

    return build


def _large_constant() -> Any:
    inputs = Input((40, 30))
    return keras.Model(inputs, inputs + ops.ones((40, 30)))


# Name → model, and a part of the message.
MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "mask before a recurrence": (
        _of(lambda: layers.Embedding(9, 4, mask_zero=True), lambda: layers.LSTM(3), shape=(6,), dtype="int32"),
        "a mask",
    ),
    "masking": (_of(layers.Masking, lambda: layers.Dense(3)), "Masking"),
    "stateful": (_of(lambda: layers.LSTM(3, stateful=True)), "a state that stays from batch to batch"),
    "other gates": (_of(lambda: layers.GRU(3, activation="relu")), "other activations than tanh and sigmoid"),
    "channels first": (
        _of(lambda: layers.MaxPooling2D(data_format="channels_first"), shape=(3, 8, 8)),
        "channels first",
    ),
    "axis of batch norm": (_of(lambda: layers.BatchNormalization(axis=1)), "axis 1"),
    "own activation": (_of(lambda: layers.Dense(3, activation=lambda x: x + 1)), "no translation to"),
    "own layer": (_of(Twice), "Twice"),
    "large constant": (_large_constant, "a constant array of 1200 values"),
    "interpolation": (
        _of(lambda: layers.UpSampling2D(2, interpolation="bicubic"), shape=(4, 4, 3)),
        "interpolation bicubic",
    ),
}
