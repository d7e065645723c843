"""Small models of every kind that the counters disagree on."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(8, activation="relu")
        self.second = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        return self.second(self.first(inputs))


def subclassed() -> keras.Model:
    return Subclassed()


def attention(length: int = 10, width: int = 32, heads: int = 2) -> keras.Model:
    x = keras.Input((length, width))
    attended = layers.LayerNormalization()(x + layers.MultiHeadAttention(heads, width // heads)(x, x))
    return keras.Model(x, layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(attended)))


def recurrent() -> keras.Model:
    x = keras.Input((10, 8))
    y = layers.SimpleRNN(6, return_sequences=True)(x)
    y = layers.GRU(5, return_sequences=True)(y)
    y = layers.GRU(5, reset_after=False, return_sequences=True)(y)
    y = layers.LSTM(3, return_sequences=True, unroll=True)(y)
    return keras.Model(x, layers.Bidirectional(layers.LSTM(4))(y))


def convolutions() -> keras.Model:
    x = keras.Input((15, 14, 4))
    y = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(x)
    y = layers.Conv2DTranspose(6, 5, strides=3, padding="valid")(y)
    y = layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same")(y)
    y = layers.SeparableConv2D(5, 3, padding="same")(y)
    y = layers.Conv2D(8, (3, 5), dilation_rate=2, padding="same")(y)
    return keras.Model(x, layers.Conv2D(4, 3, groups=2, padding="same")(y))


def one_dimension() -> keras.Model:
    x = keras.Input((17, 6))
    y = layers.Conv1D(8, 3, dilation_rate=2, padding="causal")(x)
    y = layers.DepthwiseConv1D(4, padding="same")(y)
    return keras.Model(x, layers.Conv1DTranspose(5, 4, strides=3, padding="same")(y))


def volumes() -> keras.Model:
    x = keras.Input((7, 8, 9, 4))
    return keras.Model(x, layers.Conv3DTranspose(3, 2, strides=2)(layers.Conv3D(6, 3, padding="same")(x)))


def maps_over_time() -> keras.Model:
    x = keras.Input((5, 12, 11, 3))
    return keras.Model(x, layers.ConvLSTM2D(4, 3, padding="same")(x))


def grouped_queries() -> keras.Model:
    x = keras.Input((11, 24))
    attend = layers.GroupQueryAttention(head_dim=8, num_query_heads=6, num_key_value_heads=2)
    return keras.Model(x, attend(x, x))


def repeated() -> keras.Model:
    x = keras.Input((5,))
    y = layers.UpSampling1D(2)(layers.RepeatVector(4)(layers.Dense(6)(x)))
    return keras.Model(x, layers.Conv1D(3, 2)(y))


def only_on_jax() -> keras.Model:
    if keras.config.backend() == "torch":
        raise RuntimeError("this model is\nnot for torch")
    x = keras.Input((5,))
    return keras.Model(x, layers.Dense(2)(x))
