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


def woven() -> keras.Model:
    """A layer that two submodels share, and a product that is no layer's."""
    shared = keras.layers.Dense(256, name="shared")

    def part(name: str) -> keras.Model:
        given = keras.Input((256,))
        return keras.Model(given, shared(given), name=name)

    x = keras.Input((256,))
    y = keras.ops.reshape(part("second")(part("first")(x)), (-1, 16, 16))
    product = keras.ops.matmul(y, keras.ops.transpose(y, (0, 2, 1)))
    return keras.Model(x, keras.layers.Dense(4, name="out")(keras.ops.reshape(product, (-1, 256))))
