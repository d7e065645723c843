"""Wide residual network: pre-activated residual blocks, few and wide.

Table 1 of the paper. Depth 6n + 4 and width k; the slides' network is WRN-52-4 (n = 8, k = 4) with dropout 0.3.

    input       32 × 32 × 3
    conv 3      32 × 32 × 16
    n blocks    32 × 32 × 16k
    n blocks    16 × 16 × 32k
    n blocks    8 × 8 × 64k
    norm, ReLU, average pool, dense 10 softmax

Parameters: 12,071,370, trainable 12,057,002.
"""

from typing import TYPE_CHECKING, Annotated, Any

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, ImageShape, Rate, one_of_depths
from anatomy.models.output import classifier
from anatomy.models.recursion import recursion_limit

if TYPE_CHECKING:
    import keras

FILTERS = (16, 32, 64)

Depth = Annotated[Count, one_of_depths(lambda d: d >= 10 and d % 6 == 4, "6n + 4 (10, 16, 22, 28, …)")]


def build(
    depth: Depth = 52,
    width: Count = 4,
    dropout: Rate = 0.3,
    conv_bias: bool = True,
    input_shape: ImageShape = (32, 32, 3),
    classes: Count = 10,
) -> "keras.Model":
    """Build a wide residual network: (N, height, width, channels) → (N, classes).

    Args:
        depth: number of layers with weights, 6n + 4, for n blocks in each of three stages.
        width: widening factor k of the filters.
        dropout: dropout rate between the two convolutions of a block.
        conv_bias: whether convolutions have a bias, as on the slides; the paper's code has none.
        input_shape: height, width, channels; the global pool at the end takes any size.
        classes: number of outputs.
    """
    import keras

    from anatomy.models.convolution import conv3x3, norm_relu

    model_input = keras.Input(tuple(input_shape), name="input")
    x = conv3x3(model_input, FILTERS[0], 1, use_bias=conv_bias, name="conv1")
    for stage, filters in enumerate(FILTERS, start=1):
        for block in range(1, (depth - 4) // 6 + 1):
            stride = 2 if block == 1 and stage > 1 else 1
            x = _block(x, width * filters, stride, dropout, conv_bias, name=f"stage{stage}_block{block}")
    x = norm_relu(x, "final")
    # The slides pool a fixed 8×8, which is global at 32×32 only.
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = classifier(classes)(x)
    with recursion_limit(15 * depth + 1000):
        return keras.Model(model_input, outputs, name=f"wrn_{depth}_{width}")


def _block(x: Any, filters: int, stride: int, dropout: float, conv_bias: bool, *, name: str) -> Any:
    """Twice norm, ReLU and 3×3, added to the input, which a 1×1 projects where the filters change."""
    import keras

    from anatomy.models.convolution import conv3x3, norm_relu

    activated = norm_relu(x, f"{name}_conv1")
    shortcut = x
    if x.shape[-1] != filters or stride > 1:
        shortcut = keras.layers.Conv2D(
            filters,
            1,
            strides=stride,
            use_bias=conv_bias,
            kernel_initializer="he_normal",
            name=f"{name}_shortcut",
        )(activated)
    y = conv3x3(activated, filters, stride, use_bias=conv_bias, name=f"{name}_conv1")
    y = norm_relu(y, f"{name}_conv2")
    if dropout:
        y = keras.layers.Dropout(dropout, name=f"{name}_dropout")(y)
    y = conv3x3(y, filters, 1, use_bias=conv_bias, name=f"{name}_conv2")
    return keras.layers.Add(name=f"{name}_add")([shortcut, y])


ARCHITECTURE = describe(
    build,
    name="wide_resnet",
    title="WideResNet",
    family="cnn",
    year=2016,
    paper="Zagoruyko, Komodakis (2016), Wide residual networks, https://arxiv.org/abs/1605.07146",
    published_error="CIFAR-10: 4.00 % (WRN-28-10), 3.89 % with dropout; WRN-52-4 is not in the paper",
    variants={
        "wrn-52-4": {},
        "wrn-52-4-no-bias": {"conv_bias": False},
        "wrn-28-10": {"depth": 28, "width": 10, "conv_bias": False},
    },
)
