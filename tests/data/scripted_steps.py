"""Models whose steps follow a script; see `tests/fake_fork_server.py`."""

from __future__ import annotations

from typing import Any


def scripted(units: int = 8, **script: Any) -> Any:
    """A small model; its step may have constant outputs, a frozen weight, a loss that stays, a batch that must fit."""
    import keras

    layers = [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(layers)
    model.script = script
    return model


def constant() -> Any:
    return scripted(constant=True)


def frozen() -> Any:
    return scripted(frozen=True)


def stuck() -> Any:
    return scripted(loss=1.0)


def diverged() -> Any:
    return scripted(loss=float("nan"))


def limited() -> Any:
    return scripted(fits=37)


def uncountable() -> Any:
    """Its layer refuses to be called once the model is built, and so cannot be counted."""
    import keras

    class Refuses(keras.layers.Layer):
        refuses = False

        def call(self, inputs: Any) -> Any:
            if self.refuses:
                raise RuntimeError("not on shapes\nnor twice")
            return inputs

    layer = Refuses()
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2, activation="softmax")])
    model.script = {}
    layer.refuses = True
    return model
