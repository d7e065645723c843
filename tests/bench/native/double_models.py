"""Networks whose training amplifies rounding, or that name float32 themselves."""

from __future__ import annotations

from typing import Any

import keras
from keras import Input, layers, ops, optimizers
from keras.optimizers import schedules


def _compiled(inputs: Any, x: Any, optimizer: Any) -> Any:
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(5, activation="softmax", dtype="float32")(x))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def _blocks(x: Any, number: int = 12) -> Any:
    for strides in range(number):
        x = layers.Conv2D(8, 3, strides=1 + (strides == 3), padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    return x


def deep() -> Any:
    inputs = Input((12, 12, 3))
    return _compiled(inputs, _blocks(inputs), optimizers.SGD(0.05, momentum=0.9))


def deep_with_adam() -> Any:
    inputs = Input((12, 12, 3))
    rate = schedules.CosineDecay(0.001, 20, alpha=0.1)
    return _compiled(inputs, _blocks(inputs, 4), optimizers.Adam(rate, clipnorm=1.0))


def naming_float32() -> Any:
    """As a file or a config has it: the dtype of each layer, an explicit cast, a nested model."""
    inputs = Input((8, 8, 3), dtype="uint8")
    x = layers.Rescaling(1 / 255, dtype="float32")(ops.cast(inputs, "float32"))
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.1, 1.2, 1.3], dtype="float32")(x)
    block = keras.Sequential(
        [Input((8, 8, 3), dtype="float32"), layers.Conv2D(4, 3, dtype="float32"), layers.BatchNormalization()]
    )
    return _compiled(inputs, layers.ReLU(dtype="float32")(block(x)), optimizers.RMSprop(0.01, momentum=0.9))
