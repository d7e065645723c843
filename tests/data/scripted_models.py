"""Models of a user, for the tests of scripts."""

from __future__ import annotations

from typing import Any


def plain(units: int = 8) -> Any:
    """Keras's layers alone, compiled by the user."""
    import keras

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(2, activation="softmax")]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.002, beta_1=0.8),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
    )
    return model


def with_lambda(factor: float = 2.0) -> Any:
    """A layer that only the user's own code can make."""
    import keras

    inputs = keras.Input((4,))
    x = keras.layers.Lambda(lambda value: value * factor)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def with_own_loss() -> Any:
    """Keras's layers, and a loss that is a function of the user's."""
    import keras

    def distance(truth: Any, prediction: Any) -> Any:
        return keras.ops.mean(keras.ops.abs(truth - prediction), axis=-1)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile(optimizer="adam", loss=distance)
    return model


def shared() -> Any:
    """A layer used twice, which cannot be written out line by line."""
    import keras

    inputs = keras.Input((4,))
    layer = keras.layers.Dense(4)
    return keras.Model(inputs, layer(layer(inputs)))


class TestNets:
    """A test class, as pytest collects them."""

    def test_lambda(self) -> Any:
        """The model with code of its own, by a method."""
        return with_lambda()
