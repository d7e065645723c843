"""U-Net: a contracting and an expanding path, joined level by level.

Figure 1 of the paper. The slides' network has half the filters, `same` convolutions, and repeats pixels where the paper
has 2×2 up-convolutions.

    level 1    256 × 256 × 32     conv 3, conv 3, pool 2     upsample, join, conv 3, conv 3
    level 2    128 × 128 × 64              ↓                           ↑
    level 3    64 × 64 × 128               ↓                           ↑
    level 4    32 × 32 × 256               ↓                           ↑
    level 5    16 × 16 × 512      conv 3, conv 3 ――――――――――――――――――――――┘
    conv 1     256 × 256 × 1      sigmoid (softmax for more classes)

Parameters: 7,846,081.
"""

from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from anatomy.models.architecture import describe
from anatomy.models.option_types import Count, ImageShape, Rate, shape_text
from anatomy.models.output import output_activation

if TYPE_CHECKING:
    import keras


def build(
    depth: Count = 5,
    base_filters: Count = 32,
    input_shape: ImageShape = (256, 256, 1),
    classes: Count = 1,
    padding: Literal["same", "valid"] = "same",
    upsampling: Literal["repeat", "transpose"] = "repeat",
    spatial_dropout: Rate = 0.0,
) -> "keras.Model":
    """Build a U-Net: (N, height, width, channels) → (N, height', width', classes), one map of probabilities per class.

    Args:
        depth: number of resolution levels.
        base_filters: number of filters of the first level; each level has twice those of the level above.
        input_shape: height, width, channels.
        classes: number of outputs per pixel; one has a sigmoid, more have a softmax.
        padding: "same" keeps height and width; "valid" loses two pixels per convolution, and crops what is joined, as
            in the paper.
        upsampling: "repeat" rows and columns, or "transpose" for 2×2 up-convolutions that halve the filters.
        spatial_dropout: dropout rate of whole feature maps after each level of the contracting path.
    """
    import keras

    model_input = x = keras.Input(tuple(input_shape), name="input")
    skips = []
    for level in range(1, depth):
        x = _level(x, base_filters * 2 ** (level - 1), padding, f"down{level}")
        x = _drop(x, spatial_dropout, f"down{level}")
        skips.append(x)
        x = keras.layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
    x = _level(x, base_filters * 2 ** (depth - 1), padding, "bottom")
    x = _drop(x, spatial_dropout, "bottom")
    for level in range(depth - 1, 0, -1):
        filters = base_filters * 2 ** (level - 1)
        x = _upsample(x, filters, upsampling, f"up{level}_upsample")
        x = _join(x, skips.pop(), f"up{level}")
        x = _level(x, filters, padding, f"up{level}")
    outputs = keras.layers.Conv2D(
        classes, 1, activation=output_activation(classes), dtype="float32", name="predictions"
    )(x)
    return keras.Model(model_input, outputs, name="unet")


def _level(x: Any, filters: int, padding: str, name: str) -> Any:
    """Two 3×3 convolutions."""
    import keras

    for number in (1, 2):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding=padding,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"{name}_conv{number}",
        )(x)
    return x


def _drop(x: Any, rate: float, name: str) -> Any:
    import keras

    return keras.layers.SpatialDropout2D(rate, name=f"{name}_dropout")(x) if rate else x


def _upsample(x: Any, filters: int, upsampling: str, name: str) -> Any:
    import keras

    if upsampling == "repeat":
        return keras.layers.UpSampling2D(2, name=name)(x)
    return keras.layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer="he_normal", name=name)(x)


def _join(x: Any, skip: Any, name: str) -> Any:
    """Join the upsampled maps and the contracting path's, which are cropped to their middle where they are larger."""
    import keras

    margins = [(skip.shape[axis] - x.shape[axis]) // 2 for axis in (1, 2)]
    if any(margins):
        skip = keras.layers.Cropping2D(tuple(margins), name=f"{name}_crop")(skip)
    return keras.layers.Concatenate(name=f"{name}_join")([x, skip])


def resolve(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse heights and widths that a pool would have to round, and name the next that fit."""
    shape, depth, padding = options["input_shape"], options["depth"], options["padding"]
    fitting = [next(s for s in count(side) if fits(s, depth, padding)) for side in shape[:2]]
    if fitting != shape[:2]:
        raise ValueError(
            f"unet: input_shape={shape_text(shape)} does not fit {depth} levels with {padding!r} padding: "
            f"every pool must halve an even size; the next that fits is {shape_text([*fitting, shape[2]])}"
        )
    return options


def fits(side: int, depth: int, padding: str) -> bool:
    """Return whether every pool halves an even number of pixels, and at least one pixel comes out in the end."""
    lost = 4 if padding == "valid" else 0
    for _ in range(depth - 1):
        side -= lost
        if side <= 0 or side % 2:
            return False
        side //= 2
    side -= lost
    for _ in range(depth - 1):
        side = 2 * side - lost
    return side > 0


ARCHITECTURE = describe(
    build,
    name="unet",
    title="U-Net",
    family="cnn",
    year=2015,
    paper="Ronneberger, Fischer, Brox (2015), U-Net: convolutional networks for biomedical image segmentation, "
    "https://arxiv.org/abs/1505.04597",
    published_error="ISBI 2012 EM segmentation: warping error 0.000353, Rand error 0.0382",
    variants={
        "unet-paper": {
            "base_filters": 64,
            "input_shape": [572, 572, 1],
            "classes": 2,
            "padding": "valid",
            "upsampling": "transpose",
        },
    },
)
