"""Keras's layers as calls of functions that JAX and TensorFlow both have a version of.

Importing this registers them all; here are those that are products with a table of weights.
"""

from __future__ import annotations

from importlib import import_module

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable

# They register their translations when they are imported.
_OTHERS = (
    "functional_activations",
    "functional_attention",
    "functional_convolutions",
    "functional_merging",
    "functional_noise",
    "functional_normalizations",
    "functional_operations",
    "functional_pooling",
    "functional_recurrent",
    "functional_shapes",
    "functional_special_layers",
    "functional_time",
)
for _name in _OTHERS:
    import_module(f"anatomy.bench.native.{_name}")


@translates(layers.Dense, frameworks=BOTH)
def _dense(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    _require_plain(call)
    weights = writer.layer(call, kernel=layer._kernel, bias=layer.bias)
    writer.assign(call, f"dense({writer.value(call.input)}, {weights})")


@translates(layers.EinsumDense, frameworks=BOTH)
def _einsum_dense(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    _require_plain(call)
    weights = writer.layer(call, kernel=layer._kernel, bias=layer.bias)
    writer.assign(call, f'einsum_dense({writer.value(call.input)}, {weights}, "{layer.equation}")')


@translates(layers.Embedding, frameworks=BOTH)
def _embedding(call: Call, writer: FunctionalWriter) -> None:
    _require_plain(call)
    table = writer.weight(call.path, "embeddings", call.operation._embeddings)
    writer.assign(call, f"embedding({writer.value(call.input)}, {table})")


@translates(layers.Identity, layers.ActivityRegularization, frameworks=BOTH)
def _identity(call: Call, writer: FunctionalWriter) -> None:
    writer.assign(call, writer.value(call.input))


def _require_plain(call: Call) -> None:
    if getattr(call.operation, "quantization_mode", None) or getattr(call.operation, "lora_enabled", False):
        raise untranslatable(call, "quantized or LoRA weights")
