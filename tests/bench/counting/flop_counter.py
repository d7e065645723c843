"""Counts models with torch's FlopCounterMode beside Anatomy's counter; prints both as JSON.

Run as `KERAS_BACKEND=torch python -m tests.bench.counting.flop_counter MODEL…`. A MODEL is one of the
zoo, or `applications:NAME` of `keras.applications`, or `layers` for single layers of every kind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

from anatomy.bench.counting.counter import count_model, symbolic_inputs
from anatomy.bench.cross_check.torch_counter import count, repaired_repeat
from anatomy.models import build_any, parse_model


def main(names: list[str]) -> None:
    """Print name → [Anatomy's MACs, torch's MACs]."""
    found: dict[str, list[int]] = {}
    for name in names:
        if name == "layers":
            # Recurrent layers and attention read values, so single layers run on the CPU, they are small.
            found |= {case: compare(model, "cpu") for case, model in single_layers()}
        else:
            found[name] = compare_on_meta(name)
    print(json.dumps(found))


def compare_on_meta(name: str) -> list[int]:
    """Build and run without memory or arithmetic: every tensor is on torch's `meta` device."""
    with keras.device("meta"), repaired_repeat():
        if name.startswith("applications:"):
            return compare(getattr(keras.applications, name.partition(":")[2])(weights=None), "meta")
        spec = parse_model(name)
        return compare(build_any(spec.model, spec.options), "meta")


def compare(model: Any, device: str) -> list[int]:
    flops, _ = count(model, symbolic_inputs(model, None), device)
    return [count_model(model).macs, flops // 2]


def single_layers() -> Iterator[tuple[str, Any]]:
    """A model for each layer that multiplies, in unlike shapes and settings."""
    shaped = {
        (12,): [layers.Dense(7)],
        (5, 12): [
            layers.Dense(7),
            layers.EinsumDense("abc,cde->abde", output_shape=(None, 3, 4)),
            layers.EinsumDense("...c,cd->...d", output_shape=(9,)),
            layers.TimeDistributed(layers.Dense(7)),
            # Rolled up, Keras runs one step more than there are, to learn the outputs' structure.
            layers.SimpleRNN(6, unroll=True),
            layers.LSTM(6, return_sequences=True),
            layers.GRU(6, reset_after=True),
            layers.GRU(6, reset_after=False, go_backwards=True, unroll=True),
            layers.Bidirectional(layers.LSTM(6), merge_mode="sum"),
        ],
        (17, 6): [
            layers.Conv1D(8, 3, strides=2, padding="same", groups=2),
            layers.Conv1D(8, 3, dilation_rate=2, padding="causal"),
            layers.DepthwiseConv1D(3, depth_multiplier=2),
            layers.SeparableConv1D(5, 3, depth_multiplier=2),
            layers.Conv1DTranspose(5, 4, strides=4),
        ],
        (11, 14, 6): [
            layers.Conv2D(9, (3, 2), strides=(2, 3)),
            layers.Conv2D(9, 5, padding="same", groups=3),
            layers.DepthwiseConv2D(3, strides=2, depth_multiplier=3, padding="same"),
            layers.SeparableConv2D(5, 3),
            layers.Conv2DTranspose(5, 2, strides=2),
        ],
        (7, 8, 9, 4): [layers.Conv3D(6, 3, strides=2), layers.Conv3DTranspose(3, 2, strides=2)],
    }
    for shape, cases in shaped.items():
        for number, layer in enumerate(cases):
            x = keras.Input(shape)
            yield f"{type(layer).__name__} {number} on {shape}", keras.Model(x, layer(x))
    query, value = keras.Input((10, 32)), keras.Input((6, 24))
    attended = layers.MultiHeadAttention(4, 8, value_dim=5)(query, value)
    yield "MultiHeadAttention", keras.Model([query, value], attended)
    # Dropout keeps Keras from the fused kernel.
    scored = layers.MultiHeadAttention(4, 8, dropout=0.1)(query, query)
    yield "MultiHeadAttention, unfused", keras.Model(query, scored)
    yield "Attention", keras.Model(query, layers.Attention()([query, query]))


if __name__ == "__main__":
    main(sys.argv[1:])
