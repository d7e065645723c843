"""Models with layers of their own, whose translations are right, wrong or missing."""

from __future__ import annotations

from typing import Any

import keras

from anatomy.bench.native.translation import translates


class Shift(keras.layers.Layer):
    """Adds a vector that is trained."""

    def build(self, shape: Any) -> None:
        """Make the vector."""
        self.shift = self.add_weight(shape=(shape[-1],), initializer="ones", name="shift")

    def call(self, inputs: Any) -> Any:
        """Add it."""
        return inputs + self.shift

    def compute_output_shape(self, shape: Any) -> Any:
        """As the input's."""
        return shape


class Doubled(Shift):
    """Adds the vector, and its translation adds it twice."""

    def call(self, inputs: Any) -> Any:
        """Add it."""
        return inputs + self.shift


class Unknown(Shift):
    """Subtracts the vector; nobody has said how to translate that."""

    def call(self, inputs: Any) -> Any:
        """Subtract it."""
        return inputs - self.shift


@translates(Shift, frameworks=("jax", "tensorflow"))
def _shift(call: Any, writer: Any) -> None:
    writer.assign(call, f"{writer.value(call.input)} + {writer.weight(call.path, 'shift', call.operation.shift)}")


@translates(Doubled, frameworks=("jax", "tensorflow"))
def _doubled(call: Any, writer: Any) -> None:
    writer.assign(call, f"{writer.value(call.input)} + 2 * {writer.weight(call.path, 'shift', call.operation.shift)}")


def _model(kind: type[Shift]) -> keras.Model:
    stack = [keras.Input((6,)), keras.layers.Dense(8, "relu"), kind(), keras.layers.Dropout(0.5)]
    return keras.Sequential([*stack, keras.layers.Dense(3, "softmax")])


def right() -> keras.Model:
    """With a translation."""
    return _model(Shift)


def wrong() -> keras.Model:
    """With a translation that computes something else."""
    return _model(Doubled)


def missing() -> keras.Model:
    """Without a translation."""
    return _model(Unknown)


def subclassed() -> keras.Model:
    """A model whose graph only Python knows."""

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    model(keras.ops.ones((2, 6)))
    return model
