"""GoogLeNet: nine inception modules, two auxiliary heads while training.

Table 1 of the paper:

    input                                 224 × 224 × 3
    conv 7/2, pool 3/2, LRN               56 × 56 × 64
    conv 1, conv 3, LRN, pool 3/2         28 × 28 × 192
    inception 3a, 3b, pool 3/2            14 × 14 × 480
    inception 4a … 4e, pool 3/2           7 × 7 × 832      heads on 4a and 4d
    inception 5a, 5b, average pool        1024             dropout 0.4
    dense                                 1000 softmax
    each head: average pool 5/3, conv 1 (128), dense 1024, dropout 0.7, dense 1000 softmax

Parameters: 6,998,552; with both auxiliary heads 13,378,280.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, ImageShape, Rate
from anatomy.models.output import classifier

if TYPE_CHECKING:
    import keras


class Inception(NamedTuple):
    """A row of the paper's table 1: filters of the four branches and of their reductions."""

    name: str
    conv_1x1: int
    reduce_3x3: int
    conv_3x3: int
    reduce_5x5: int
    conv_5x5: int
    pool_projection: int
    pooled_after: bool = False


MODULES = (
    Inception("3a", 64, 96, 128, 16, 32, 32),
    Inception("3b", 128, 128, 192, 32, 96, 64, pooled_after=True),
    Inception("4a", 192, 96, 208, 16, 48, 64),
    Inception("4b", 160, 112, 224, 24, 64, 64),
    Inception("4c", 128, 128, 256, 24, 64, 64),
    Inception("4d", 112, 144, 288, 32, 64, 64),
    Inception("4e", 256, 160, 320, 32, 128, 128, pooled_after=True),
    Inception("5a", 256, 160, 320, 32, 128, 128),
    Inception("5b", 384, 192, 384, 48, 128, 128),
)
HEADS = {"4a": "auxiliary_1", "4d": "auxiliary_2"}
HEAD_WEIGHT = 0.3
WEIGHT_DECAY = 2e-4


def build(
    input_shape: ImageShape = (224, 224, 3),
    classes: Count = 1000,
    auxiliary: bool = False,
    dropout: Rate = 0.4,
) -> "keras.Model":
    """Build GoogLeNet: (N, height, width, channels) → (N, classes), with auxiliary heads three times (main first).

    Args:
        input_shape: height, width, channels; the global average pool at the end takes any size.
        classes: number of outputs.
        auxiliary: whether to build the two auxiliary heads, outputs `auxiliary_1` and `auxiliary_2`, whose losses weigh
            0.3 each. Their 5×5 pool shrinks to the size of a smaller feature map.
        dropout: dropout rate before the classifier (0.7 in the heads).
    """
    import keras

    from anatomy.models.local_response_normalization import LocalResponseNormalization

    model_input = keras.Input(tuple(input_shape), name="input")
    x = _conv(model_input, 64, 7, stride=2, name="conv1_7x7")
    x = _pool(x, "pool1")
    x = LocalResponseNormalization(name="pool1_lrn")(x)
    x = _conv(x, 64, 1, name="conv2_reduce")
    x = _conv(x, 192, 3, name="conv2_3x3")
    x = LocalResponseNormalization(name="conv2_lrn")(x)
    x = _pool(x, "pool2")

    heads = []
    for row in MODULES:
        x = _inception(x, row)
        if auxiliary and row.name in HEADS:
            heads.append(_head(x, classes, HEADS[row.name]))
        if row.pooled_after:
            x = _pool(x, f"pool{row.name[0]}")

    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    predictions = _classifier(x, classes, "predictions")
    return keras.Model(model_input, [predictions, *heads] if auxiliary else predictions, name="googlenet")


def _inception(x: Any, row: Inception) -> Any:
    """Four parallel branches (the paper's figure 2b); height and width stay the same."""
    import keras

    name = f"inception_{row.name}"
    branch_3x3 = _conv(x, row.reduce_3x3, 1, name=f"{name}_3x3_reduce")
    branch_5x5 = _conv(x, row.reduce_5x5, 1, name=f"{name}_5x5_reduce")
    pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    branches = [
        _conv(x, row.conv_1x1, 1, name=f"{name}_1x1"),
        _conv(branch_3x3, row.conv_3x3, 3, name=f"{name}_3x3"),
        _conv(branch_5x5, row.conv_5x5, 5, name=f"{name}_5x5"),
        _conv(pooled, row.pool_projection, 1, name=f"{name}_pool_proj"),
    ]
    return keras.layers.Concatenate(name=f"{name}_output")(branches)


def _head(x: Any, classes: int, name: str) -> Any:
    """An auxiliary classifier (section 5 of the paper)."""
    import keras

    size = (min(5, x.shape[1]), min(5, x.shape[2]))
    x = keras.layers.AveragePooling2D(size, strides=3, name=f"{name}_pool")(x)
    x = _conv(x, 128, 1, name=f"{name}_conv")
    x = keras.layers.Flatten(name=f"{name}_flatten")(x)
    x = keras.layers.Dense(
        1024, activation="relu", kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY), name=f"{name}_dense"
    )(x)
    x = keras.layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return _classifier(x, classes, name)


def _conv(x: Any, filters: int, kernel: int, *, stride: int = 1, name: str) -> Any:
    import keras

    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        activation="relu",
        kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY),
        name=name,
    )(x)


def _pool(x: Any, name: str) -> Any:
    import keras

    return keras.layers.MaxPooling2D(3, strides=2, padding="same", name=name)(x)


def _classifier(x: Any, classes: int, name: str) -> Any:
    import keras

    return classifier(classes, name, kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY))(x)


ARCHITECTURE = describe(
    build,
    name="googlenet",
    title="GoogLeNet",
    family="cnn",
    year=2014,
    paper="Szegedy et al. (2014), Going deeper with convolutions, CVPR 2015, https://arxiv.org/abs/1409.4842",
    published_error="ILSVRC-2014 test: top-5 6.67 % (ensemble of 7 models, 144 crops)",
    variants={"googlenet-auxiliary": {"auxiliary": True}},
    loss_weights=dict.fromkeys(HEADS.values(), HEAD_WEIGHT),
    claimed_parameters=4_000_000,
)
