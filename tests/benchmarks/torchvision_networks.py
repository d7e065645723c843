"""torchvision's AlexNet, VGG-16, GoogLeNet and ResNet-50 in Keras: what the zoo has differs from them.

https://docs.pytorch.org/vision/stable/models.html: AlexNet is that of "One weird trick" (one tower, no normalisation),
GoogLeNet has batch normalisation and 3×3 kernels for 5×5, ResNet-50 has its strides in the 3×3 convolutions.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def alexnet() -> Any:
    """61,100,840 parameters."""
    inputs = x = keras.Input((224, 224, 3))
    x = layers.ZeroPadding2D(2)(x)
    x = layers.MaxPooling2D(3, strides=2)(layers.Conv2D(64, 11, strides=4, activation="relu")(x))
    x = layers.MaxPooling2D(3, strides=2)(layers.Conv2D(192, 5, padding="same", activation="relu")(x))
    for filters in (384, 256, 256):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(3, strides=2)(x))
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(layers.Dropout(0.5)(x))
    return keras.Model(inputs, layers.Dense(1000)(x), name="alexnet")


def vgg16() -> Any:
    """138,357,544 parameters."""
    inputs = x = keras.Input((224, 224, 3))
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(1000)(x), name="vgg16")


_INCEPTIONS = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)
# Of the modules above, those that a pool follows.
_POOLED = {1: 3, 6: 2}


def googlenet() -> Any:
    """6,624,904 parameters without the auxiliary heads."""
    inputs = keras.Input((224, 224, 3))
    x = _norm_conv(layers.ZeroPadding2D(3)(inputs), 64, 7, 2, "valid", epsilon=1e-3)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = _norm_conv(_norm_conv(x, 64, 1, epsilon=1e-3), 192, 3, epsilon=1e-3)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for number, (one, to_three, three, to_five, five, pooled) in enumerate(_INCEPTIONS):
        branches = [
            _norm_conv(x, one, 1, epsilon=1e-3),
            _norm_conv(_norm_conv(x, to_three, 1, epsilon=1e-3), three, 3, epsilon=1e-3),
            _norm_conv(_norm_conv(x, to_five, 1, epsilon=1e-3), five, 3, epsilon=1e-3),
            _norm_conv(layers.MaxPooling2D(3, strides=1, padding="same")(x), pooled, 1, epsilon=1e-3),
        ]
        x = layers.Concatenate()(branches)
        if number in _POOLED:
            x = layers.MaxPooling2D(_POOLED[number], strides=2, padding="same")(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(1000)(x), name="googlenet")


def resnet50() -> Any:
    """25,557,032 parameters."""
    inputs = keras.Input((224, 224, 3))
    x = _norm_conv(layers.ZeroPadding2D(3)(inputs), 64, 7, 2, "valid")
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for stage, (filters, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(count):
            stride = 2 if stage and not block else 1
            y = _norm_conv(x, filters, 1)
            padded = layers.ZeroPadding2D(1)(y) if stride > 1 else y
            y = _norm_conv(padded, filters, 3, stride, "valid" if stride > 1 else "same")
            y = _norm_conv(y, 4 * filters, 1, active=False)
            shortcut = x if block else _norm_conv(x, 4 * filters, 1, stride, active=False)
            x = layers.ReLU()(layers.Add()([y, shortcut]))
    return keras.Model(inputs, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)), name="resnet50")


def _norm_conv(
    x: Any, filters: int, size: int, stride: int = 1, padding: str = "same", epsilon: float = 1e-5, active: bool = True
) -> Any:
    x = layers.Conv2D(filters, size, strides=stride, padding=padding, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=epsilon)(x)
    return layers.ReLU()(x) if active else x


NETWORKS = {"alexnet": alexnet, "vgg16": vgg16, "googlenet": googlenet, "resnet50": resnet50}
