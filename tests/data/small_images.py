"""A small model of images."""

import keras


def small() -> keras.Model:
    """One layer behind 8×8 images."""
    return keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    )
