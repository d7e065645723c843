"""Models of one layer, for which what each FLOP counter must say is known."""

from __future__ import annotations

import keras
from keras import layers


def dense() -> keras.Model:
    x = keras.Input((5,))
    return keras.Model(x, layers.Dense(7, use_bias=False)(x))


def biased() -> keras.Model:
    x = keras.Input((5,))
    return keras.Model(x, layers.Dense(7, bias_initializer="ones")(x))


def padded() -> keras.Model:
    x = keras.Input((6, 6, 4))
    return keras.Model(x, layers.Conv2D(8, 3, padding="same", use_bias=False)(x))


def transposed() -> keras.Model:
    x = keras.Input((4, 4, 2))
    return keras.Model(x, layers.Conv2DTranspose(3, 3, strides=2, padding="valid", use_bias=False)(x))


def looped() -> keras.Model:
    x = keras.Input((5, 12))
    return keras.Model(x, layers.SimpleRNN(6, use_bias=False, activation=None)(x))


def einsum() -> keras.Model:
    x = keras.Input((5, 12))
    return keras.Model(x, layers.EinsumDense("abc,bcd->abd", output_shape=(5, 7))(x))


def grouped() -> keras.Model:
    x = keras.Input((6, 6, 4))
    return keras.Model(x, layers.Conv2D(8, 3, groups=2, use_bias=False)(x))


def dilated() -> keras.Model:
    x = keras.Input((9, 9, 4))
    return keras.Model(x, layers.Conv2D(8, 3, dilation_rate=2, padding="same", use_bias=False)(x))
