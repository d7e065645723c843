"""A small network in which one layer can be made slower, without another weight or another output's shape."""

from typing import Any

import keras


class Mixer(keras.layers.Layer):
    """Multiplies by the same matrix `rounds` times."""

    def __init__(self, units: int, rounds: int, **options: Any) -> None:
        super().__init__(**options)
        self._units, self._rounds = units, rounds

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(self._units, self._units), name="kernel")

    def call(self, inputs: Any) -> Any:
        found = inputs
        for _ in range(self._rounds):
            found = keras.ops.tanh(keras.ops.matmul(found, self.kernel))
        return found

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def build(units: int = 256, slow: int = 1) -> Any:
    """Three layers that do the same, the middle one `slow` times."""
    inputs = keras.Input((units,), name="input")
    found = inputs
    for name, rounds in (("first", 1), ("middle", slow), ("last", 1)):
        found = Mixer(units, rounds, name=name)(found)
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="predictions")(found), name="planted")
