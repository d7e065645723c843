"""One small model for each kind of layer and each option that its translation knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import Input, layers, ops


def _one(shape: Sequence[int | None], *stack: Any, dtype: str = "float32") -> Callable[[], Any]:
    """A model of an input and layers; each is given as a function, which makes a new one at every call."""

    def build() -> Any:
        inputs = x = Input(shape, dtype=dtype)
        for make in stack:
            x = make()(x)
        return keras.Model(inputs, x)

    return build


def _operation(
    shape: Sequence[int | None], function: Any, inputs: int = 1, dtype: str = "float32"
) -> Callable[[], Any]:
    def build() -> Any:
        given = [Input(shape, dtype=dtype) for _ in range(inputs)]
        return keras.Model(given, function(*given))

    return build


def _merge(layer: Any, inputs: int = 2) -> Callable[[], Any]:
    def build() -> Any:
        given = [Input((4, 3)) for _ in range(inputs)]
        return keras.Model(given, layer()(given))

    return build


def _attention(mask: bool = False, **options: Any) -> Callable[[], Any]:
    def build() -> Any:
        query, value = Input((5, 6)), Input((7, 6))
        given = [query, value]
        layer = layers.MultiHeadAttention(2, 4, **{k: v for k, v in options.items() if k != "use_causal_mask"})
        arguments: dict[str, Any] = {"use_causal_mask": options.get("use_causal_mask", False)}
        if mask:
            given.append(Input((5, 7), dtype="bool"))
            arguments["attention_mask"] = given[-1]
        return keras.Model(given, layer(query, value, **arguments))

    return build


def _states(kind: Any) -> Callable[[], Any]:
    """An encoder whose states begin a decoder."""

    def build() -> Any:
        source, target = Input((6, 3)), Input((4, 3))
        _, *states = kind(5, return_state=True)(source)
        decoded = kind(5, return_sequences=True)(target, initial_state=states)
        return keras.Model([source, target], [decoded, *states])

    return build


def _transformer() -> Any:
    ids = Input((12,), dtype="int32")
    x = layers.Embedding(20, 8)(ids) + ops.expand_dims(ops.arange(12, dtype="float32") / 12, -1)
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x, use_causal_mask=True))
        x = layers.LayerNormalization()(x + layers.Dense(8)(layers.Dense(16, activation="gelu")(x)))
    return keras.Model(ids, layers.Dense(20)(x))


_ACTIVATIONS = (
    *("relu", "relu6", "sigmoid", "tanh", "exponential", "softplus", "softsign", "silu", "selu", "elu", "leaky_relu"),
    *("gelu", "mish", "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "softmax", "log_softmax", "linear"),
)
_RECURRENT = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}

_CORE = {
    "dense": _one((5,), lambda: layers.Dense(3)),
    "dense without bias": _one((5,), lambda: layers.Dense(3, use_bias=False)),
    "dense of images": _one((4, 4, 5), lambda: layers.Dense(3, "relu")),
    "einsum dense": _one((4, 5), lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")),
    "embedding": _one((6,), lambda: layers.Embedding(9, 4), dtype="int32"),
    "embedding of floats": _operation((6,), lambda x: layers.Embedding(9, 4)(ops.abs(x))),
    "dropout": _one((6,), lambda: layers.Dropout(0.5), lambda: layers.Dense(2)),
    "noise": _one((6,), lambda: layers.GaussianNoise(0.5), lambda: layers.GaussianDropout(0.5), layers.Identity),
}
_ACTIVATION = {
    **{name: _one((4, 5), lambda name=name: layers.Activation(name)) for name in _ACTIVATIONS},
    "relu of a layer": _one((5,), layers.ReLU),
    "relu 6": _one((5,), lambda: layers.ReLU(6.0)),
    "relu with options": _one((5,), lambda: layers.ReLU(0.9, negative_slope=0.1, threshold=0.2)),
    "leaky relu of a layer": _one((5,), lambda: layers.LeakyReLU(0.07)),
    "elu of a layer": _one((5,), layers.ELU),
    "prelu": _one((4, 5), lambda: layers.PReLU(alpha_initializer="uniform")),
    "prelu with shared axes": _one((4, 5), lambda: layers.PReLU(alpha_initializer="uniform", shared_axes=[1])),
    "softmax of an axis": _one((4, 5), lambda: layers.Softmax(1)),
    "approximate gelu": _operation((5,), lambda x: ops.gelu(x, approximate=True)),
}
_CONVOLUTION = {
    "conv 1d": _one((11, 4), lambda: layers.Conv1D(3, 3, strides=2, padding="same")),
    "causal conv": _one((11, 4), lambda: layers.Conv1D(3, 3, dilation_rate=2, padding="causal", activation="relu")),
    "conv 2d": _one((9, 8, 4), lambda: layers.Conv2D(3, (3, 2), strides=2, padding="same", activation="relu")),
    "dilated conv": _one((9, 8, 4), lambda: layers.Conv2D(3, 3, dilation_rate=2, padding="same")),
    "grouped conv": _one((9, 8, 4), lambda: layers.Conv2D(6, 3, groups=2)),
    "conv 3d": _one((5, 6, 7, 2), lambda: layers.Conv3D(3, 3, strides=(1, 2, 2), padding="same")),
    "conv of open size": _one((None, None, 3), lambda: layers.Conv2D(3, 3, strides=2, padding="same")),
    "depthwise conv 1d": _one((9, 4), lambda: layers.DepthwiseConv1D(3, strides=2, padding="same", depth_multiplier=2)),
    "depthwise conv": _one((9, 8, 4), lambda: layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)),
    "dilated depthwise conv": _one((9, 8, 4), lambda: layers.DepthwiseConv2D(3, dilation_rate=2)),
    "separable conv 1d": _one((9, 4), lambda: layers.SeparableConv1D(5, 3, padding="same", activation="relu")),
    "separable conv": _one((9, 8, 4), lambda: layers.SeparableConv2D(5, 3, strides=2, padding="same")),
    "conv transpose 1d": _one((5, 4), lambda: layers.Conv1DTranspose(3, 4, strides=2, padding="same")),
    "conv transpose": _one((5, 4, 4), lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same")),
    "valid conv transpose": _one((5, 4, 4), lambda: layers.Conv2DTranspose(3, (3, 2), strides=2)),
    "wide stride": _one((5, 4, 4), lambda: layers.Conv2DTranspose(3, 2, strides=3)),
    "output padding": _one(
        (5, 4, 4), lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1)
    ),
    "conv transpose 3d": _one((3, 4, 3, 2), lambda: layers.Conv3DTranspose(3, 3, strides=2, padding="same")),
}
_POOLING = {
    "max pool 1d": _one((9, 3), lambda: layers.MaxPooling1D(3, strides=2, padding="same")),
    "max pool": _one((9, 8, 3), lambda: layers.MaxPooling2D((3, 2), strides=2, padding="same")),
    "max pool 3d": _one((5, 6, 7, 3), lambda: layers.MaxPooling3D(2)),
    "average pool 1d": _one((9, 3), lambda: layers.AveragePooling1D(3, strides=2, padding="same")),
    "average pool": _one((9, 8, 3), lambda: layers.AveragePooling2D(3, strides=2, padding="same")),
    "valid average pool": _one((9, 8, 3), lambda: layers.AveragePooling2D(3)),
    "average pool 3d": _one((5, 6, 7, 3), lambda: layers.AveragePooling3D(2, padding="same")),
    "global average pool": _one((4, 5, 3), lambda: layers.GlobalAveragePooling2D(keepdims=True)),
    "global max pool": _one((4, 5, 3), layers.GlobalMaxPooling2D),
    "global pools 1d": _one((4, 3), lambda: layers.GlobalAveragePooling1D(keepdims=True), layers.GlobalMaxPooling1D),
}
_NORMALIZATION = {
    "batch norm": _one((4, 4, 3), layers.BatchNormalization),
    "batch norm of vectors": _one((3,), lambda: layers.BatchNormalization(scale=False)),
    "batch norm without offset": _one((4, 4, 3), lambda: layers.BatchNormalization(center=False, scale=False)),
    "batch norm with small epsilon": _one((4, 4, 3), lambda: layers.BatchNormalization(epsilon=1e-6)),
    "layer norm": _one((4, 5), layers.LayerNormalization),
    "layer norm of axes": _one((4, 5, 3), lambda: layers.LayerNormalization(axis=(1, 2), scale=False)),
    "rms norm": _one((4, 5), layers.RMSNormalization),
    "unit norm": _one((4, 5), layers.UnitNormalization),
    "group norm": _one((4, 4, 6), lambda: layers.GroupNormalization(3)),
    "instance norm": _one((4, 4, 6), lambda: layers.GroupNormalization(-1, center=False)),
    "normalization": _one((4, 3), lambda: layers.Normalization(mean=[1.0, 2, 3], variance=[2.0, 3, 4])),
    "normalization of all": _one((4, 3), lambda: layers.Normalization(axis=None, mean=2.0, variance=3.0)),
    "rescaling": _one((4, 3), lambda: layers.Rescaling(1 / 255, offset=-1), dtype="int32"),
    "rescaling of channels": _one((4, 3), lambda: layers.Rescaling([1.0, 2.0, 3.0])),
}
_SHAPE = {
    "flatten": _one((4, 5, 3), layers.Flatten),
    "reshape": _one((4, 6), lambda: layers.Reshape((3, -1)), lambda: layers.Reshape((2, 2, 6))),
    "reshape of open size": _one((None, 6), lambda: layers.Reshape((-1, 3))),
    "permute": _one((4, 5, 3), lambda: layers.Permute((3, 1, 2))),
    "repeat vector": _one((4,), lambda: layers.RepeatVector(3)),
    "padding": _one((4, 5, 3), lambda: layers.ZeroPadding2D(((1, 2), (0, 3)))),
    "cropping": _one((7, 8, 3), lambda: layers.Cropping2D(((1, 2), (0, 3)))),
    "padding and cropping 1d": _one((7, 3), lambda: layers.ZeroPadding1D((0, 2)), lambda: layers.Cropping1D((1, 0))),
    "padding and cropping 3d": _one(
        (5, 5, 5, 2), lambda: layers.ZeroPadding3D(1), lambda: layers.Cropping3D((1, 2, 1))
    ),
    "upsampling": _one((4, 5, 3), lambda: layers.UpSampling2D((2, 3))),
    "bilinear upsampling": _one((4, 5, 3), lambda: layers.UpSampling2D(2, interpolation="bilinear")),
    "upsampling 1d and 3d": _one(
        (4, 3), lambda: layers.UpSampling1D(2), lambda: layers.Reshape((2, 2, 2, 3)), lambda: layers.UpSampling3D(2)
    ),
}
_MERGING = {
    "add": _merge(layers.Add, 3),
    "subtract": _merge(layers.Subtract),
    "multiply": _merge(layers.Multiply, 3),
    "average": _merge(layers.Average, 3),
    "maximum": _merge(layers.Maximum, 3),
    "minimum": _merge(layers.Minimum),
    "concatenate": _merge(lambda: layers.Concatenate(axis=1), 3),
    "dot": _merge(lambda: layers.Dot(axes=(2, 2))),
    "dot of vectors": _operation((4,), lambda x, y: layers.Dot(axes=1)([x, y]), 2),
}
_SEQUENCES = {
    **{name: _one((6, 3), lambda kind=kind: kind(4)) for name, kind in _RECURRENT.items()},
    **{f"long {name}": _one((40, 3), lambda kind=kind: kind(4)) for name, kind in _RECURRENT.items()},
    **{
        f"{name} backwards": _one((6, 3), lambda kind=kind: kind(4, return_sequences=True, go_backwards=True))
        for name, kind in _RECURRENT.items()
    },
    **{
        f"long {name} backwards": _one((40, 3), lambda kind=kind: kind(4, return_sequences=True, go_backwards=True))
        for name, kind in _RECURRENT.items()
    },
    **{
        f"{name} of open length": _one(
            (None, 3),
            lambda kind=kind: kind(4, return_sequences=True, use_bias=False),
            lambda kind=kind: kind(4, dropout=0.2),
        )
        for name, kind in _RECURRENT.items()
    },
    **{
        f"bidirectional {name}": _one(
            (6, 3),
            lambda kind=kind: layers.Bidirectional(kind(4, return_sequences=True)),
            lambda kind=kind: layers.Bidirectional(kind(4), merge_mode="ave"),
        )
        for name, kind in _RECURRENT.items()
    },
    **{f"states of {name}": _states(kind) for name, kind in _RECURRENT.items()},
    # Wide enough that JAX programs unroll their steps.
    **{
        f"wide {name}": _one((6, 3), lambda kind=kind: kind(130, go_backwards=True, return_sequences=True))
        for name, kind in _RECURRENT.items()
    },
    "gru with reset before": _one((6, 3), lambda: layers.GRU(4, reset_after=False)),
    "time distributed dense": _one((6, 3), lambda: layers.TimeDistributed(layers.Dense(4, "relu"))),
    "time distributed conv": _one(
        (6, 8, 8, 3),
        lambda: layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu")),
        lambda: layers.TimeDistributed(layers.MaxPooling2D()),
        lambda: layers.TimeDistributed(layers.Flatten()),
        lambda: layers.TimeDistributed(layers.BatchNormalization()),
        lambda: layers.TimeDistributed(layers.Activation("relu")),
        lambda: layers.LSTM(3),
    ),
    "attention": _attention(),
    "causal attention": _attention(use_causal_mask=True, use_bias=False),
    "masked attention": _attention(mask=True, dropout=0.1),
    "masked causal attention": _attention(mask=True, use_causal_mask=True),
    "attention of other values": _attention(value_dim=3, dropout=0.1, use_causal_mask=True),
    "transformer": _transformer,
}
_OPERATION = {
    "arithmetic": _operation((4,), lambda x, y: (-x + 2.0 * y) / (ops.abs(y) + 1.0) - 1 / (x * x + 1) ** 2, 2),
    "functions": _operation((4,), lambda x: ops.exp(x) + ops.log(ops.abs(x) + 1) + ops.sqrt(ops.square(x) + 1)),
    "comparisons": _operation((4,), lambda x, y: ops.where(x > y, ops.maximum(x, 0.1), ops.minimum(y, -0.1)), 2),
    "reductions": _operation((4, 5), lambda x: ops.mean(x, 1, keepdims=True) + ops.sum(x, [1, 2], keepdims=True)),
    "more reductions": _operation((4, 5), lambda x: ops.max(x, -1) * ops.min(x, -1) + ops.logsumexp(x, -1)),
    "slices": _operation((6, 5), lambda x: x[:, 1:-1:2, None, ..., -1]),
    "shapes": _operation((6, 4), lambda x: ops.transpose(ops.reshape(x, (-1, 3, 2, 4)), (0, 2, 1, 3))),
    "expand and squeeze": _operation((6, 1), lambda x: ops.squeeze(ops.expand_dims(x, (1, -1)), axis=3)),
    "joins": _operation((6, 4), lambda x, y: ops.stack([ops.concatenate([x, y], 1), ops.tile(y, (1, 2, 1))], 1), 2),
    "split": _operation((6, 4), lambda x: ops.multiply(*ops.split(x, 2, axis=-1))),
    "matmul": _operation((4, 4), lambda x, y: ops.matmul(x, y) + ops.einsum("abc,adc->abd", x, y) + x @ y, 2),
    "pad": _operation((4, 3), lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=1.5)),
    "cast": _operation((4,), lambda x: ops.cast(ops.cast(x, "int32"), "float32") + ops.cast(x > 0, "float32")),
    "one hot": _operation((4,), lambda x: ops.one_hot(x, 9), dtype="int32"),
    "clip and flip": _operation((4, 3), lambda x: ops.flip(ops.clip(x, -0.5, 0.5), axis=1)),
    "activations": _operation(
        (4, 3), lambda x: ops.softmax(x, axis=1) + ops.silu(x) + ops.leaky_relu(x, 0.3) + ops.relu(x)
    ),
    "swap": _operation((4, 3), lambda x: ops.swapaxes(x, 1, 2)),
}

MODELS: dict[str, Callable[[], Any]] = {
    **_CORE,
    **_ACTIVATION,
    **_CONVOLUTION,
    **_POOLING,
    **_NORMALIZATION,
    **_SHAPE,
    **_MERGING,
    **_SEQUENCES,
    **_OPERATION,
}
