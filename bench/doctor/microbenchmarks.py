"""Models that do a single kind of work. Measured like any other case, they give a machine's ceilings."""

from __future__ import annotations

from typing import Any


def product(size: int) -> Any:
    """One matrix product: (batch, size) · (size, size). With a batch of `size`, 2·size³ FLOPs per step."""
    import keras

    inputs = keras.Input((size,))
    return keras.Model(inputs, keras.layers.Dense(size, use_bias=False)(inputs))


def add(columns: int) -> Any:
    """The sum of two arrays (batch, columns): two reads and one write per value, STREAM's Add (McCalpin 1995)."""
    import keras

    inputs = [keras.Input((columns,)), keras.Input((columns,))]
    return keras.Model(inputs, keras.layers.Add()(inputs))


def total(columns: int) -> Any:
    """The sum of each row of an array (batch, columns): one read per value."""
    import keras

    inputs = keras.Input((columns,))
    return keras.Model(inputs, keras.ops.sum(inputs, axis=1, keepdims=True))
