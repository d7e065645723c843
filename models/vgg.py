"""VGG: stages of 3×3 convolutions, a 2×2 pool after each, three dense layers.

Table 1 of the paper:

    depth (configuration)    11 (A)  13 (B)  16 (D)  19 (E)
    input    224 × 224 × 3
    conv-64                  1       2       2       2       pool → 112 × 112
    conv-128                 1       2       2       2       pool → 56 × 56
    conv-256                 2       2       3       4       pool → 28 × 28
    conv-512                 2       2       3       4       pool → 14 × 14
    conv-512                 2       2       3       4       pool → 7 × 7
    dense 4096, dense 4096   ReLU, dropout 0.5
    dense                    1000 softmax

Parameters: 138,357,544.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, ImageShape, Rate, at_least
from anatomy.models.output import classifier

if TYPE_CHECKING:
    import keras

FILTERS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
DENSE_UNITS = (4096, 4096)


def build(
    depth: Literal[11, 13, 16, 19] = 16,
    input_shape: Annotated[ImageShape, at_least(32)] = (224, 224, 3),
    classes: Count = 1000,
    dropout: Rate = 0.5,
) -> "keras.Model":
    """Build a VGG network: (N, height, width, channels) → (N, classes).

    Args:
        depth: number of layers with weights: 11, 13, 16 or 19, the paper's configurations A, B, D and E.
        input_shape: height, width, channels; at least 32 × 32 for the five pools.
        classes: number of outputs.
        dropout: dropout rate after the first two dense layers.
    """
    import keras

    layers = [keras.Input(tuple(input_shape), name="input")]
    for block, (filters, count) in enumerate(zip(FILTERS, CONVOLUTIONS[depth], strict=True), start=1):
        for number in range(1, count + 1):
            layers.append(
                keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")
            )
        layers.append(keras.layers.MaxPooling2D(2, name=f"block{block}_pool"))
    layers.append(keras.layers.Flatten(name="flatten"))
    for number, units in enumerate(DENSE_UNITS, start=1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"dense_{number}"))
        layers.append(keras.layers.Dropout(dropout, name=f"dropout_{number}"))
    layers.append(classifier(classes))
    return keras.Sequential(layers, name=f"vgg{depth}")


ARCHITECTURE = describe(
    build,
    name="vgg",
    title="VGG",
    family="cnn",
    year=2014,
    paper="Simonyan, Zisserman (2014), Very deep convolutional networks for large-scale image recognition, "
    "https://arxiv.org/abs/1409.1556",
    published_error="ILSVRC-2012 validation: top-1 23.7 %, top-5 6.8 % (two networks, multi-crop and dense evaluation)",
    variants={f"vgg{depth}": {"depth": depth} for depth in CONVOLUTIONS},
    claimed_parameters=138_000_000,
)
