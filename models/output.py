"""The output layer that all classifiers of the zoo share."""

from typing import Any


def output_activation(classes: int) -> str:
    """Return `sigmoid` for one class (a yes or no), `softmax` for more."""
    return "sigmoid" if classes == 1 else "softmax"


def classifier(classes: int, name: str = "predictions", **options: Any) -> Any:
    """Return a dense layer of probabilities, in float32 under every dtype policy.

    Args:
        classes: number of outputs.
        name: name of the layer.
        options: further arguments of `keras.layers.Dense`.
    """
    import keras

    return keras.layers.Dense(classes, activation=output_activation(classes), dtype="float32", name=name, **options)
