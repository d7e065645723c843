"""Networks of `keras.applications`, on small images."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

# Name → side of its images.
_SIDES = {
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "DenseNet121": 32,
    "ResNet50V2": 32,
    "Xception": 71,
    "InceptionV3": 75,
    "InceptionResNetV2": 75,
    "NASNetMobile": 32,
    "ConvNeXtTiny": 32,
}


def _build(name: str, side: int) -> Any:
    builder = getattr(keras.applications, name)
    return builder(weights=None, input_shape=(side, side, 3), classes=10)


MODELS = {name: partial(_build, name, side) for name, side in _SIDES.items()}
