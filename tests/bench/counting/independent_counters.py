"""Counts models with a counter that shares nothing with Anatomy's, beside Anatomy's; prints both as JSON.

Run as `KERAS_BACKEND=torch|jax python -m tests.bench.counting.independent_counters MODEL…`. On torch it is
`FlopCounterMode`; on JAX the products in the program that `jax.jit` is given, each as often as it runs. A MODEL is one
of the zoo or of a file, `applications:NAME` of `keras.applications`, or `layers` for single layers of every kind; on
torch, `training:MODEL` for a forward and a backward pass.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

from anatomy.bench.counting.counter import count_model, symbolic_inputs
from anatomy.bench.cross_check.subject import Subject, build, forward_with_specs
from anatomy.models import build_any, parse_model


def main(names: list[str]) -> None:
    """Print name → [Anatomy's MACs of the batch, the other counter's]."""
    count = {"torch": by_torch, "jax": by_jax}[keras.config.backend()]
    found: dict[str, list[int]] = {}
    for name in names:
        found |= count(name)
    print(json.dumps(found))


def by_torch(name: str) -> dict[str, list[int]]:
    """On the `meta` device, without memory or arithmetic; what reads values there, on the CPU."""
    from anatomy.bench.cross_check.torch_counter import count, repaired_repeat, rows

    def compare(model: Any, device: str) -> list[int]:
        return [count_model(model).macs, count(model, symbolic_inputs(model, None), device) // 2]

    if name == "layers":
        return {case: compare(model, "cpu") for case, model in single_layers()}
    if name.startswith("training:"):
        return {name: training_by_torch(name.removeprefix("training:"))}
    if name.startswith("applications:"):
        with keras.device("meta"), repaired_repeat():
            return {name: compare(getattr(keras.applications, name.partition(":")[2])(weights=None), "meta")}
    model, inputs = build(Subject(name), weights=False)
    batch = keras.tree.flatten(inputs)[0].shape[0]
    return {name: [batch * count_model(model).macs, (rows(Subject(name))[0].flops or 0) // 2]}


def training_by_torch(text: str) -> list[int]:
    """MACs of a forward and a backward pass; the inputs need gradients, so that a first layer has them too."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    spec = parse_model(text)
    with keras.device("cpu"):
        model = build_any(spec.model, spec.options)
        inputs = keras.tree.map_structure(
            lambda tensor: torch.zeros(tuple(tensor.shape)).requires_grad_(), symbolic_inputs(model, None)
        )
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            model(inputs, training=False).sum().backward()
    return [count_model(model).training_flops // 2, int(counter.get_total_flops()) // 2]


def by_jax(name: str) -> dict[str, list[int]]:
    """From shapes alone."""
    if name == "layers":
        # Keras 3.15 on JAX cannot run attention whose values have another size than its keys.
        cases = {case: model for case, model in single_layers() if case != "MultiHeadAttention, fused"}
        return {case: compare_on_jax(model, symbolic_inputs(model, None)) for case, model in cases.items()}
    return {name: compare_on_jax(*build(Subject(name), weights=False))}


def compare_on_jax(model: Any, inputs: Any) -> list[int]:
    import jax

    forward, specs = forward_with_specs(model, inputs, jax.ShapeDtypeStruct)
    batch = keras.tree.flatten(inputs)[0].shape[0]
    return [batch * count_model(model).macs, macs_of(jax.make_jaxpr(forward)(*specs).jaxpr)]


def macs_of(jaxpr: Any) -> int:
    """MACs of the matrix products and convolutions of a program, loops included (https://docs.jax.dev/en/latest/jaxpr.html)."""
    total = 0
    for step in jaxpr.eqns:
        match step.primitive.name:
            case "dot_general":
                (contracted, _), _ = step.params["dimension_numbers"]
                total += step.outvars[0].aval.size * math.prod(step.invars[0].aval.shape[axis] for axis in contracted)
            case "conv_general_dilated":
                axes = step.params["dimension_numbers"]
                moved, channels = step.outvars[0].aval, axes.out_spec[1]
                if max(step.params["lhs_dilation"]) > 1:  # a transposed convolution: every input meets the whole kernel
                    moved, channels = step.invars[0].aval, axes.lhs_spec[1]
                total += moved.size // moved.shape[channels] * step.invars[1].aval.size
            case "scan":
                total += step.params["length"] * macs_of(step.params["jaxpr"].jaxpr)
            case "while":
                raise NotImplementedError("a loop without a length")
            case _:
                inner = (getattr(value, "jaxpr", value) for value in step.params.values())
                total += sum(macs_of(program) for program in inner if hasattr(program, "eqns"))
    return total


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
    yield "MultiHeadAttention, fused", keras.Model([query, value], attended)
    # Dropout keeps Keras from the fused kernel.
    scored = layers.MultiHeadAttention(4, 8, dropout=0.1)(query, query)
    yield "MultiHeadAttention, unfused", keras.Model(query, scored)
    yield "Attention", keras.Model(query, layers.Attention()([query, query]))


if __name__ == "__main__":
    main(sys.argv[1:])
