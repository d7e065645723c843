"""Parts of residual networks: the 3×3 convolution, and batch normalisation with ReLU."""

from typing import Any

import keras


def conv3x3(x: Any, filters: int, stride: int, *, use_bias: bool, name: str) -> Any:
    """Convolve: (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, filters), padded by one pixel on every side.

    With a stride, Keras's `same` pads one side only, one pixel off the shortcut's grid; this pads explicitly.
    """
    if stride > 1:
        x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        3,
        strides=stride,
        padding="valid" if stride > 1 else "same",
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def norm_relu(x: Any, name: str, epsilon: float = 1e-3) -> Any:
    """Apply batch normalisation, then ReLU."""
    x = keras.layers.BatchNormalization(epsilon=epsilon, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
