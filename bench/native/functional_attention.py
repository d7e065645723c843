"""Attention."""

from __future__ import annotations

from typing import Any

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable

_ARGUMENTS = ("query", "value", "key")


@translates(layers.MultiHeadAttention, frameworks=BOTH)
def _multi_head_attention(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    given: dict[str, Any] = {**dict(zip(_ARGUMENTS, call.args, strict=False)), **call.kwargs}
    given.setdefault("key", given["value"])
    values = [given.pop(name) for name in _ARGUMENTS]
    mask, causal = given.pop("attention_mask", None), given.pop("use_causal_mask", False)
    if given.pop("return_attention_scores", False) or any(value is not None for value in given.values()):
        raise untranslatable(call, "scores as an output, or masks of its inputs")
    other = layer._use_gate or layer._sliding_window is not None or layer._output_shape is not None
    if other or len(values[0].shape) != 3 or tuple(layer._attention_axes) != (1,):
        raise untranslatable(call, "a gate, a sliding window, an output shape or axes of its own")
    dense = {
        "query": layer._query_dense,
        "key": layer._key_dense,
        "value": layer._value_dense,
        "output": layer._output_dense,
    }
    kernels = {f"{name}_kernel": part._kernel for name, part in dense.items()}
    biases = {f"{name}_bias": part.bias for name, part in dense.items()}
    parts = [*map(writer.value, values), writer.layer(call, **kernels, **biases)]
    if mask is not None:
        parts.append(f"mask={writer.value(mask)}")
    if causal:
        parts.append("causal=True")
    if writer.trains and layer._dropout and writer.training(call) != "False":
        parts.append(f"rate={layer._dropout}, training={writer.training(call)}, random={writer.randomness()}")
    writer.assign(call, f"multi_head_attention({', '.join(parts)})")
