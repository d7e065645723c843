"""Which of Keras's layers are counted by formula, have no kernel, or must be opened.

A layer belongs to a class here when it runs that class's own `call`; a subclass that overrides
`call` is opened like any other layer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from anatomy.bench.counting.formulas import FORMULAS
from anatomy.models.held_network import HeldNetwork

# No kernel: their work is elementwise, a reduction, a look-up or a copy, and counts 0 MACs.
# `Dot` is not among the merges: it is a product.
_WITHOUT_KERNEL = {
    "activations": "Activation ELU LeakyReLU PReLU ReLU Softmax",
    "pooling": (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
        "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AveragePooling1D "
        "AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D "
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
        "GlobalMaxPooling2D GlobalMaxPooling3D"
    ),
    "normalisation": (
        "BatchNormalization GroupNormalization LayerNormalization Normalization RMSNormalization UnitNormalization"
    ),
    "regularisation": (
        "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D "
        "SpatialDropout2D SpatialDropout3D"
    ),
    "reshaping": (
        "Cropping1D Cropping2D Cropping3D Flatten Permute RepeatVector Reshape UpSampling1D "
        "UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D"
    ),
    "merging": "Add Average Concatenate Maximum Minimum Multiply Subtract",
    "look-ups and the rest of the core": "Embedding Identity InputLayer Masking",
    "preprocessing of data": (
        "AugMix AutoContrast CategoryEncoding CenterCrop "
        "ContrastLimitedAdaptiveHistogramEqualization CutMix Discretization Equalization "
        "HashedCrossing Hashing IntegerLookup MaxNumBoundingBoxes MixUp RandAugment "
        "RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
        "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale "
        "RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation "
        "RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom Rescaling "
        "Resizing Solarization StringLookup TextVectorization"
    ),
}
WITHOUT_KERNEL = tuple(name for names in _WITHOUT_KERNEL.values() for name in names.split())

# Opened, and shown as one layer.
FOLDED = ("AdditiveAttention", "Attention", "Dot", "GroupQueryAttention", "MultiHeadAttention", "SpectralNormalization")

# They run another library's code, about which shapes tell nothing.
UNTRACEABLE = ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper")

# The name of a network of the user's that is not Keras's.
HELD = "HeldNetwork"

# Each has its function in `wrappers`.
WRAPPERS = ("Bidirectional", "TimeDistributed")


@cache
def _classes() -> dict[type, tuple[str, str]]:
    """Class → (kind, public name); names that this version of Keras lacks are left out."""
    import keras

    kinds = {
        "formula": FORMULAS,
        "no kernel": WITHOUT_KERNEL,
        "folded": FOLDED,
        "untraceable": UNTRACEABLE,
        "wrapper": WRAPPERS,
    }
    return {
        getattr(keras.layers, name): (kind, name)
        for kind, names in kinds.items()
        for name in names
        if hasattr(keras.layers, name)
    }


def classify(layer: Any) -> tuple[str, str]:
    """The kind of a layer and the public Keras name it is counted as; `("open", "")` for any other.

    Kinds: `formula`, `no kernel`, `folded`, `untraceable`, `wrapper`, `open`.
    """
    if isinstance(layer, HeldNetwork):
        return "untraceable", HELD
    for base in type(layer).__mro__:
        known = _classes().get(base)
        if known and type(layer).call is base.call:  # type: ignore[attr-defined]  # every layer has `call`
            return known
    return "open", ""
