"""Models that a CPU trains in milliseconds, for the stand-in."""

from typing import Any

import keras


def classifier() -> Any:
    """Two dense layers."""
    inputs = keras.Input((64,), name="input")
    hidden = keras.layers.Dense(128, activation="relu", name="hidden")(inputs)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="predictions")(hidden))


def wide_input() -> Any:
    """The mean of 512 × 512 values and a classifier: an example takes a mebibyte, and memory is soon full."""
    inputs = keras.Input((512, 512), name="input")
    mean = keras.layers.GlobalAveragePooling1D(name="mean")(inputs)
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="predictions")(mean))
