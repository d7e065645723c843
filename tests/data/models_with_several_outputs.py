"""Models that come compiled with a dict of losses, for the tests of targets."""

from __future__ import annotations

from typing import Any

LOSSES = {"b": "mse", "a": "sparse_categorical_crossentropy"}


def compiled_with(losses: Any, keyed: bool = False) -> Any:
    """Outputs `a`, three classes, and `b`, two numbers; `keyed` hands them out in a dict with the keys `y` and `x`."""
    import keras

    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(4, activation="relu")(inputs)
    classes = keras.layers.Dense(3, activation="softmax", name="a")(hidden)
    numbers = keras.layers.Dense(2, name="b")(hidden)
    model = keras.Model(inputs, {"y": classes, "x": numbers} if keyed else [classes, numbers])
    model.compile("sgd", losses)
    return model


def in_another_order() -> Any:
    return compiled_with(LOSSES)


def one_without_a_loss() -> Any:
    return compiled_with({"b": "mse", "a": None})


def keyed_with_one_left_out() -> Any:
    return compiled_with({"y": "sparse_categorical_crossentropy"}, keyed=True)
