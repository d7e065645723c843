"""Functional models that hypothesis draws: images through branches of convolutions, sequences through recurrences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from hypothesis import strategies as st
from keras import Input, layers

Draw = Callable[[Any], Any]
_ACTIVATIONS = st.sampled_from(["linear", "relu", "tanh", "gelu", "silu", "hard_sigmoid", "leaky_relu", "elu"])
_PADDING = st.sampled_from(["same", "valid"])
_JOINS = st.sampled_from([layers.Add, layers.Multiply, layers.Maximum, layers.Average, layers.Concatenate])


@st.composite
def models(draw: Draw) -> Any:
    """A model with one or two outputs."""
    if draw(st.booleans()):
        inputs = x = Input((draw(st.integers(6, 12)), draw(st.integers(6, 12)), draw(st.integers(1, 4))))
        block, ends = _image_block, [layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D]
    else:
        inputs = x = Input((draw(st.integers(4, 40)), draw(st.integers(1, 5))))
        block, ends = _sequence_block, [layers.Flatten, layers.GlobalAveragePooling1D, lambda: layers.LSTM(5)]
    for _ in range(draw(st.integers(1, 5))):
        x = block(draw, x)
    heads = []
    for _ in range(draw(st.integers(1, 2))):
        head = draw(st.sampled_from(ends))()(x)
        heads.append(layers.Dense(draw(st.integers(1, 6)), activation=draw(_ACTIVATIONS))(head))
    return keras.Model(inputs, heads)


def _image_block(draw: Draw, x: Any) -> Any:
    kind = draw(st.sampled_from(["conv", "depthwise", "separable", "pool", "norm", "branches", "resize", "transpose"]))
    if kind == "branches":
        return _branches(draw, x, lambda: layers.Conv2D(x.shape[-1], 3, padding="same", activation=draw(_ACTIVATIONS)))
    if kind == "norm":
        norm = draw(st.sampled_from([layers.BatchNormalization, layers.LayerNormalization, layers.RMSNormalization]))
        return layers.Activation(draw(_ACTIVATIONS))(norm()(x))
    if kind == "resize":
        pad = ((1, draw(st.integers(0, 2))), (0, draw(st.integers(0, 2))))
        return layers.ZeroPadding2D(pad)(x) if x.shape[1] > 8 else layers.UpSampling2D((1, 2))(x)
    size = draw(st.integers(1, min(3, *x.shape[1:3])))
    stride, padding = draw(st.integers(1, 2)), draw(_PADDING)
    if kind == "pool":
        pool = draw(st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D]))
        return pool(size, strides=stride, padding=padding)(x)
    options = {"strides": stride, "padding": padding, "activation": draw(_ACTIVATIONS), "use_bias": draw(st.booleans())}
    if kind == "depthwise":
        return layers.DepthwiseConv2D(size, depth_multiplier=draw(st.integers(1, 2)), **options)(x)
    if kind == "transpose" and x.shape[1] > 8:
        options["strides"] = 1
    layer = {"conv": layers.Conv2D, "separable": layers.SeparableConv2D, "transpose": layers.Conv2DTranspose}[kind]
    return layer(draw(st.integers(1, 6)), size, **options)(x)


def _sequence_block(draw: Draw, x: Any) -> Any:
    kind = draw(st.sampled_from(["recurrent", "both ways", "conv", "attention", "dense", "branches"]))
    units = draw(st.integers(1, 6))
    if kind == "branches":
        return _branches(draw, x, lambda: layers.Dense(x.shape[-1], activation=draw(_ACTIVATIONS)))
    if kind == "conv":
        padding = draw(st.sampled_from(["same", "causal"]))
        return layers.Conv1D(units, 3, padding=padding, activation=draw(_ACTIVATIONS))(x)
    if kind == "attention":
        attended = layers.MultiHeadAttention(2, units)(x, x, use_causal_mask=draw(st.booleans()))
        return layers.LayerNormalization()(layers.Add()([x, attended]))
    if kind == "dense":
        return layers.TimeDistributed(layers.Dense(units, activation=draw(_ACTIVATIONS)))(x)
    recurrent = draw(st.sampled_from([layers.LSTM, layers.GRU, layers.SimpleRNN]))
    if kind == "both ways":
        mode = draw(st.sampled_from(["concat", "sum", "mul", "ave"]))
        return layers.Bidirectional(recurrent(units, return_sequences=True), merge_mode=mode)(x)
    return recurrent(units, return_sequences=True, go_backwards=draw(st.booleans()))(x)


def _branches(draw: Draw, x: Any, layer: Callable[[], Any]) -> Any:
    ends = [x, *(layer()(x) for _ in range(draw(st.integers(1, 2))))]
    return draw(_JOINS)()(ends)
