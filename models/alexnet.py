"""AlexNet: five convolutions in two towers, Local Response Normalization, three dense layers.

The paper prints 224 pixels; its own arithmetic (55 = (227 − 11)/4 + 1) needs 227.

    input                        227 × 227 × 3
    conv1 11/4, LRN, pool 3/2    55 × 55 × 96     →  27 × 27
    conv2 5 (towers), LRN, pool  27 × 27 × 256    →  13 × 13
    conv3 3                      13 × 13 × 384
    conv4 3 (towers)             13 × 13 × 384
    conv5 3 (towers), pool       13 × 13 × 256    →  6 × 6
    dense 4096, dense 4096       ReLU, dropout 0.5
    dense                        1000 softmax

Parameters: 60,965,224.
"""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, ImageShape, Rate, at_least
from anatomy.models.output import classifier

if TYPE_CHECKING:
    import keras


class Convolution(NamedTuple):
    """A convolution of the paper's figure 2, and what follows it."""

    filters: int
    kernel: int
    stride: int = 1
    padding: str = "same"
    in_towers: bool = False
    normalised: bool = False
    pooled: bool = False


CONVOLUTIONS = (
    Convolution(96, 11, stride=4, padding="valid", normalised=True, pooled=True),
    Convolution(256, 5, in_towers=True, normalised=True, pooled=True),
    Convolution(384, 3),
    Convolution(384, 3, in_towers=True),
    Convolution(256, 3, in_towers=True, pooled=True),
)
DENSE_UNITS = (4096, 4096)


def build(
    input_shape: Annotated[ImageShape, at_least(67)] = (227, 227, 3),
    classes: Count = 1000,
    towers: Literal[1, 2] = 2,
    dropout: Rate = 0.5,
) -> "keras.Model":
    """Build AlexNet: (N, height, width, channels) → (N, classes).

    Args:
        input_shape: height, width, channels; at least 67 × 67, below which the third pool has no input.
        classes: number of outputs.
        towers: 2 as in the paper (convolutions 2, 4 and 5 see half the channels: groups), or 1.
        dropout: dropout rate after the first two dense layers.
    """
    import keras

    from anatomy.models.local_response_normalization import LocalResponseNormalization

    model_input = x = keras.Input(tuple(input_shape), name="input")
    for number, row in enumerate(CONVOLUTIONS, start=1):
        x = keras.layers.Conv2D(
            row.filters,
            row.kernel,
            strides=row.stride,
            padding=row.padding,
            groups=towers if row.in_towers else 1,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        # The slides normalise after the pool; the paper (section 3.5) before it.
        if row.normalised:
            x = LocalResponseNormalization(name=f"lrn{number}")(x)
        if row.pooled:
            x = keras.layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)

    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate(DENSE_UNITS, start=1):
        x = keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=f"dense_{number}")(x)
        x = keras.layers.Dropout(dropout, name=f"dropout_{number}")(x)
    outputs = classifier(classes, kernel_initializer="he_normal")(x)
    return keras.Model(model_input, outputs, name="alexnet")


ARCHITECTURE = describe(
    build,
    name="alexnet",
    title="AlexNet",
    family="cnn",
    year=2012,
    paper="Krizhevsky, Sutskever, Hinton (2012), ImageNet classification with deep convolutional neural "
    "networks, https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
    published_error="ILSVRC-2012 validation: top-1 40.7 %, top-5 18.2 % (one CNN); 38.1 %, 16.4 % (five CNNs)",
    variants={"alexnet-one-tower": {"towers": 1}},
    claimed_parameters=60_000_000,
)
