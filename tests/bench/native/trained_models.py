"""Compiled models without dropout, by what is trained about them: layers, losses, optimizers, penalties, structures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import Input, layers, losses, optimizers, regularizers
from keras.optimizers import schedules

from tests.bench.native.layer_models import MODELS as LAYERS

_SGD = partial(optimizers.SGD, 0.01, momentum=0.9)
_OPTIMIZERS = {
    "sgd": partial(optimizers.SGD, 0.05),
    "sgd with momentum": _SGD,
    "nesterov": partial(optimizers.SGD, 0.05, momentum=0.9, nesterov=True),
    "adam": partial(optimizers.Adam, 0.01),
    "adam with options": partial(optimizers.Adam, 0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-4),
    "adamw": partial(optimizers.AdamW, 0.01, weight_decay=0.1),
    "rmsprop": partial(optimizers.RMSprop, 0.01, rho=0.8),
    "rmsprop with momentum": partial(optimizers.RMSprop, 0.01, momentum=0.9),
    # Limits that gradients of these models exceed.
    "clipped values": partial(optimizers.SGD, 0.05, clipvalue=0.01),
    "clipped norms": partial(optimizers.Adam, 0.01, clipnorm=0.05),
    "clipped together": partial(optimizers.SGD, 0.05, momentum=0.9, global_clipnorm=0.1),
    # Schedules that change within the steps that are compared.
    "exponential decay": lambda: optimizers.SGD(schedules.ExponentialDecay(0.05, 2, 0.5), momentum=0.9),
    "nesterov with a schedule": lambda: optimizers.SGD(
        schedules.ExponentialDecay(0.05, 2, 0.5, staircase=True), momentum=0.9, nesterov=True
    ),
    "inverse time decay": lambda: optimizers.AdamW(schedules.InverseTimeDecay(0.01, 1, 0.5), weight_decay=0.1),
    "polynomial decay": lambda: optimizers.RMSprop(schedules.PolynomialDecay(0.01, 3, 0.001, cycle=True)),
    "piecewise constant": lambda: optimizers.SGD(schedules.PiecewiseConstantDecay([1, 3], [0.05, 0.01, 0.002])),
    "warm cosine decay": lambda: optimizers.Adam(
        schedules.CosineDecay(0.0, 4, warmup_target=0.01, warmup_steps=2), clipnorm=0.5
    ),
}
_OF_WEIGHTS = {
    "l2": (_SGD, regularizers.L2(0.01)),
    "l2 with adam": (partial(optimizers.Adam, 0.01), regularizers.L2(0.01)),
    "l2 with rmsprop": (partial(optimizers.RMSprop, 0.01), regularizers.L2(0.01)),
    "l2 clipped": (_OPTIMIZERS["clipped together"], regularizers.L2(0.1)),
    "l1": (_SGD, regularizers.L1(0.01)),
    "l1 and l2": (_SGD, regularizers.L1L2(0.01, 0.02)),
}
_TRAINED_LAYERS = (
    *("dense of images", "embedding", "prelu", "relu with options", "grouped conv", "causal conv"),
    *("conv 3d", "depthwise conv", "separable conv 1d", "conv transpose", "max pool", "average pool", "upsampling"),
    *("batch norm", "batch norm of vectors", "batch norm without offset", "batch norm with small epsilon"),
    *("layer norm of axes", "rms norm", "group norm", "unit norm", "lstm", "long lstm backwards", "gru", "long gru"),
    *("gru with reset before", "simple_rnn", "bidirectional lstm", "states of gru", "time distributed dense"),
    *("attention", "masked causal attention", "arithmetic", "functions", "reductions"),
)


def compiled(model: Any, optimizer: Any = _SGD, loss: Any = None) -> Any:
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    ends = [getattr(model.get_layer(name), "activation", None) for name in names]
    by_end = {
        keras.activations.softmax: "sparse_categorical_crossentropy",
        keras.activations.sigmoid: "binary_crossentropy",
    }
    model.compile(optimizer(), loss or [by_end.get(end, "mean_squared_error") for end in ends])
    return model


def _of_layer(name: str) -> Any:
    """The model of a layer behind a dense layer of each input, whose gradient passes through it."""
    model = LAYERS[name]()
    inputs = [Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in model.inputs]
    given = [layers.Dense(x.shape[-1])(x) if x.dtype == "float32" else x for x in inputs]
    outputs = model(given if len(given) > 1 else given[0])
    squared = ["mean_squared_error"] * len(model.outputs)
    return compiled(keras.Model(inputs, outputs), loss=squared if len(squared) > 1 else squared[0])


def _classifier(optimizer: Any = _SGD, loss: str = "sparse_categorical_crossentropy", end: str = "softmax") -> Any:
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return compiled(keras.Model(inputs, layers.Dense(5, activation=end)(x)), optimizer, loss)


def _regularized(optimizer: Any, regularizer: Any) -> Any:
    """Penalties of kernels, of a bias with another factor, and of a weight that stays and adds none."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, kernel_regularizer=regularizer, bias_regularizer=regularizers.L2(0.03))(inputs)
    x = layers.Flatten()(layers.BatchNormalization(gamma_regularizer=regularizer)(x))
    frozen = layers.Dense(6, kernel_regularizer=regularizer, trainable=False)
    return compiled(
        keras.Model(inputs, layers.Dense(5, kernel_regularizer=regularizer)(frozen(x))),
        optimizer,
        "mean_squared_error",
    )


def _recurrent_l2() -> Any:
    """The bias of an LSTM is two parameters in torch."""
    inputs = Input((5, 3))
    options = {"bias_regularizer": regularizers.L2(0.1), "recurrent_regularizer": regularizers.L2(0.02)}
    return compiled(
        keras.Model(inputs, layers.GRU(4, **options)(layers.LSTM(4, return_sequences=True, **options)(inputs)))
    )


def _base() -> Any:
    inputs = Input((8, 8, 3))
    return keras.Model(inputs, layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs)), name="base")


def _frozen() -> Any:
    """Fine-tuning: a nested model whose weights stay."""
    base = _base()
    base.trainable = False
    inputs = Input((8, 8, 3))
    return compiled(keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(base(inputs)))))


def _in_inference_mode() -> Any:
    """A nested model that trains, with the moving statistics of its batch normalisation."""
    inputs = Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(_base()(inputs, training=False))
    return compiled(keras.Model(inputs, layers.Dense(3)(x)))


def _siamese() -> Any:
    """One layer and one nested model, each used twice."""
    left, right = Input((8, 8, 3)), Input((8, 8, 3))
    base, dense = _base(), layers.Dense(3, activation="tanh")
    ends = [dense(layers.Flatten()(base(side))) for side in (left, right)]
    return compiled(keras.Model([left, right], layers.Subtract()(ends)))


def _partly_frozen() -> Any:
    """A batch normalisation whose gamma and beta stay while its statistics move."""
    inputs = Input((5,))
    normalised = layers.BatchNormalization()
    x = layers.Dense(3)(normalised(layers.Dense(4)(inputs)))
    normalised.gamma.trainable = False
    return compiled(keras.Model(inputs, x))


def _dicts() -> Any:
    """Inputs and outputs in dicts, one output without a loss, weights of the losses."""
    inputs = {"b": Input((4,), name="b"), "a": Input((3,), name="a")}
    x = layers.Concatenate()([inputs["a"], inputs["b"]])
    outputs = {
        "kind": layers.Dense(3, activation="softmax", name="kind")(x),
        "size": layers.Dense(1, name="size")(x),
    }
    model = keras.Model(inputs, outputs)
    of_outputs = {"size": "mean_squared_error", "kind": "sparse_categorical_crossentropy"}
    model.compile(_SGD(), of_outputs, loss_weights={"size": 0.5, "kind": 2.0})
    return model


def _from_logits() -> Any:
    return _classifier(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), end="linear")


_STRUCTURES: dict[str, Callable[[], Any]] = {
    "frozen base": _frozen,
    "base in inference mode": _in_inference_mode,
    "siamese": _siamese,
    "partly frozen": _partly_frozen,
    "dicts": _dicts,
    "from logits": _from_logits,
}
_LOSSES = {
    "sparse": partial(_classifier),
    "sparse of probabilities": partial(_classifier, end="hard_sigmoid"),
    "categorical": partial(_classifier, loss="categorical_crossentropy"),
    "categorical of probabilities": partial(_classifier, loss="categorical_crossentropy", end="hard_sigmoid"),
    "binary": partial(_classifier, loss="binary_crossentropy", end="sigmoid"),
    "binary of probabilities": partial(_classifier, loss="binary_crossentropy", end="hard_sigmoid"),
    "squared": partial(_classifier, loss="mean_squared_error", end="linear"),
    "absolute": partial(_classifier, loss="mean_absolute_error", end="linear"),
    "huber": partial(_classifier, loss="huber", end="linear"),
    "huber of its own delta": partial(_classifier, loss=losses.Huber(0.1, name="own"), end="linear"),
    "smoothed": partial(_classifier, loss=losses.CategoricalCrossentropy(label_smoothing=0.2, name="categorical")),
    "smoothed binary": partial(
        _classifier, loss=losses.BinaryCrossentropy(label_smoothing=0.2, name="binary"), end="sigmoid"
    ),
}

MODELS: dict[str, Callable[[], Any]] = {
    **_STRUCTURES,
    **_LOSSES,
    **{name: partial(_classifier, optimizer) for name, optimizer in _OPTIMIZERS.items()},
    **{name: partial(_regularized, *given) for name, given in _OF_WEIGHTS.items()},
    "l2 of recurrent layers": _recurrent_l2,
    **{name: partial(_of_layer, name) for name in _TRAINED_LAYERS},
}
