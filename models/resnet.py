"""ResNet: residual blocks; bottlenecks for ImageNet, pairs of 3×3 convolutions for CIFAR.

Table 1 (ImageNet) and section 4.2 (CIFAR) of the paper:

    ImageNet, depth 50 / 101 / 152        CIFAR, depth 6n + 2
    input    224 × 224 × 3                input      32 × 32 × 3
    conv 7/2, pool 3/2   56 × 56 × 64     conv 3     32 × 32 × 16
    3 / 3 / 3 bottlenecks    → 256        n blocks   32 × 32 × 16
    4 / 4 / 8   28 × 28      → 512        n blocks   16 × 16 × 32
    6 / 23 / 36 14 × 14      → 1024       n blocks   8 × 8 × 64
    3 / 3 / 3   7 × 7        → 2048
    average pool, dense 1000 softmax      average pool, dense 10 softmax

ImageNet networks have convolution biases and the stride in the first 1×1, as `keras.applications` has them
(its weights fit layer by layer); CIFAR networks have no convolution bias and parameter-free shortcuts (option A).
50 and 152 are of the form 6n + 2 too, and are the ImageNet networks.

Parameters: 25,636,712, trainable 25,583,592.
"""

from typing import TYPE_CHECKING, Annotated, Any

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, ImageShape, one_of_depths
from anatomy.models.output import classifier
from anatomy.models.recursion import recursion_limit

if TYPE_CHECKING:
    import keras

IMAGENET_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
IMAGENET_FILTERS = (64, 128, 256, 512)
CIFAR_FILTERS = (16, 32, 64)
CIFAR_DEPTHS = (20, 32, 44, 56, 110, 1202)
# As keras.applications sets it.
EPSILON = 1.001e-5

Depth = Annotated[
    Count,
    one_of_depths(
        lambda d: d in IMAGENET_BLOCKS or (d >= 8 and d % 6 == 2),
        "50, 101 or 152 (ImageNet), or 6n + 2 (CIFAR: 20, 32, 44, 56, 110, 1202)",
    ),
]


def build(depth: Depth = 50, input_shape: ImageShape | None = None, classes: Count | None = None) -> "keras.Model":
    """Build a residual network: (N, height, width, channels) → (N, classes).

    Args:
        depth: number of layers with weights: 50, 101, 152 for ImageNet; 6n + 2 for CIFAR (20 … 110, 1202).
        input_shape: height, width, channels; 224×224×3 for ImageNet or 32×32×3 for CIFAR unless given.
        classes: number of outputs; 1000 for ImageNet or 10 for CIFAR unless given.
    """
    import keras

    options = resolve({"depth": depth, "input_shape": input_shape, "classes": classes})
    classes = options["classes"]
    model_input = keras.Input(tuple(options["input_shape"]), name="input")
    if depth in IMAGENET_BLOCKS:
        x = _imagenet_stages(model_input, IMAGENET_BLOCKS[depth])
    else:
        x = _cifar_stages(model_input, blocks=(depth - 2) // 6)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = classifier(classes, kernel_initializer="he_normal")(x)
    # Keras walks the graph recursively, a few frames per layer; ResNet-1202 has 4,200 layers.
    with recursion_limit(10 * depth + 1000):
        return keras.Model(model_input, outputs, name=f"resnet{depth}")


def resolve(options: dict[str, Any]) -> dict[str, Any]:
    """Fill in the input shape and the classes of the family, ImageNet or CIFAR, that the depth belongs to."""
    shape, classes = ([224, 224, 3], 1000) if options["depth"] in IMAGENET_BLOCKS else ([32, 32, 3], 10)
    return {
        **options,
        "input_shape": options["input_shape"] or shape,
        "classes": options["classes"] or classes,
    }


def _imagenet_stages(x: Any, blocks: tuple[int, ...]) -> Any:
    """Stem and four stages of bottlenecks: (N, H, W, C) → (N, H/32, W/32, 2048)."""
    import keras

    from anatomy.models.convolution import norm_relu

    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = keras.layers.Conv2D(64, 7, strides=2, kernel_initializer="he_normal", name="conv1")(x)
    x = norm_relu(x, "conv1", epsilon=EPSILON)
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, (filters, count) in enumerate(zip(IMAGENET_FILTERS, blocks, strict=True), start=2):
        for block in range(1, count + 1):
            stride = 2 if block == 1 and stage > 2 else 1
            x = _bottleneck(x, filters, stride, projected=block == 1, name=f"stage{stage}_block{block}")
    return x


def _bottleneck(x: Any, filters: int, stride: int, *, projected: bool, name: str) -> Any:
    """1×1, 3×3, 1×1 to four times the filters, added to the (projected) input; the paper's figure 5."""
    import keras

    from anatomy.models.convolution import norm_relu

    def conv(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
        return keras.layers.Conv2D(
            filters, kernel, strides=stride, padding="same", kernel_initializer="he_normal", name=name
        )(x)

    def norm(x: Any, name: str) -> Any:
        return keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)

    shortcut = x
    if projected:
        shortcut = norm(conv(x, 4 * filters, 1, stride, f"{name}_shortcut"), f"{name}_shortcut")
    x = norm_relu(conv(x, filters, 1, stride, f"{name}_conv1"), f"{name}_conv1", epsilon=EPSILON)
    x = norm_relu(conv(x, filters, 3, 1, f"{name}_conv2"), f"{name}_conv2", epsilon=EPSILON)
    x = norm(conv(x, 4 * filters, 1, 1, f"{name}_conv3"), f"{name}_conv3")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _cifar_stages(x: Any, blocks: int) -> Any:
    """First convolution and three stages: (N, H, W, C) → (N, H/4, W/4, 64)."""
    from anatomy.models.convolution import conv3x3, norm_relu

    x = norm_relu(conv3x3(x, CIFAR_FILTERS[0], 1, use_bias=False, name="conv1"), "conv1")
    for stage, filters in enumerate(CIFAR_FILTERS, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stage > 1 else 1
            x = _basic_block(x, filters, stride, name=f"stage{stage}_block{block}")
    return x


def _basic_block(x: Any, filters: int, stride: int, *, name: str) -> Any:
    """Two 3×3 convolutions added to the input, subsampled and zero-padded where shapes change."""
    import keras

    from anatomy.models.convolution import conv3x3, norm_relu
    from anatomy.models.tensor_layers import ZeroPadShortcut

    shortcut = x
    if stride > 1:
        shortcut = ZeroPadShortcut(filters, stride, name=f"{name}_shortcut")(x)
    x = conv3x3(x, filters, stride, use_bias=False, name=f"{name}_conv1")
    x = norm_relu(x, f"{name}_conv1")
    x = conv3x3(x, filters, 1, use_bias=False, name=f"{name}_conv2")
    x = keras.layers.BatchNormalization(name=f"{name}_conv2_bn")(x)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu")(x)


ARCHITECTURE = describe(
    build,
    name="resnet",
    title="ResNet",
    family="cnn",
    year=2015,
    paper="He, Zhang, Ren, Sun (2015), Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385",
    published_error="ILSVRC-2015 test: top-5 3.57 % (ensemble of 6 models)",
    variants={f"resnet{depth}": {"depth": depth} for depth in (*IMAGENET_BLOCKS, *CIFAR_DEPTHS)},
)
