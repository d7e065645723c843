"""Multilayer perceptrons of the slides ("Getting started: 30 seconds to Keras" and its guides).

Source of the code: https://keras.io/guides/sequential_model/.

    input       20
    dense 64    64   ReLU, dropout 0.5
    dense 64    64   ReLU, dropout 0.5
    dense       10   softmax (sigmoid for one class)

Parameters: 6,154.
"""

from typing import TYPE_CHECKING

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, Rate, Widths
from anatomy.models.output import classifier

if TYPE_CHECKING:
    import keras


def build(
    input_size: Count = 20,
    hidden: Widths = (64, 64),
    classes: Count = 10,
    dropout: Rate = 0.5,
    functional: bool = False,
) -> "keras.Model":
    """Build dense layers with ReLU, each followed by dropout, and a classifier: (N, input_size) → (N, classes).

    Args:
        input_size: number of features of an example.
        hidden: number of units of each hidden layer.
        classes: number of outputs; one has a sigmoid, more have a softmax.
        dropout: dropout rate after each hidden layer.
        functional: whether to use the functional API, as one of the slides does, instead of `Sequential`.
    """
    import keras

    layers = [keras.Input((input_size,), name="input")]
    for number, units in enumerate(hidden, start=1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"dense_{number}"))
        if dropout:
            layers.append(keras.layers.Dropout(dropout, name=f"dropout_{number}"))
    layers.append(classifier(classes))
    if not functional:
        return keras.Sequential(layers, name="mlp")
    inputs, *rest = layers
    x = inputs
    for layer in rest:
        x = layer(x)
    return keras.Model(inputs, x, name="mlp")


ARCHITECTURE = describe(
    build,
    name="mlp",
    title="MLP",
    family="mlp",
    year=1986,
    paper="Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors, "
    "https://doi.org/10.1038/323533a0",
    variants={
        "intro": {"input_size": 100, "hidden": [64], "dropout": 0.0},
        "functional": {"input_size": 784, "hidden": [64, 64], "dropout": 0.0, "functional": True},
        "sequential": {"input_size": 784, "hidden": [32], "dropout": 0.0},
        "binary": {"input_size": 100, "hidden": [32], "classes": 1, "dropout": 0.0},
        "multiclass": {"input_size": 100, "hidden": [32], "dropout": 0.0},
        "mlp-softmax": {},
        "mlp-binary": {"classes": 1},
    },
)
