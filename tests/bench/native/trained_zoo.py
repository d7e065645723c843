"""The zoo, compiled, without dropout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keras import layers, optimizers

from tests.bench.native.trained_models import compiled
from tests.bench.native.zoo_models import MODELS as ZOO

_NOT_TRAINED = (
    # Positions of words have no gradient.
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,keywords",
    # 50 layers normalised over so few values make of a rounding error of the first step a tenth of the fifth.
    "resnet:input_shape",
)


def _without_dropout(text: str) -> Any:
    model = ZOO[text]()
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    return compiled(model, partial(optimizers.SGD, 1e-4, momentum=0.9))


MODELS: dict[str, Callable[[], Any]] = {
    text: partial(_without_dropout, text) for text in ZOO if not text.startswith(_NOT_TRAINED)
}
