"""Keras's attention layers on `F.scaled_dot_product_attention`."""

from __future__ import annotations

from typing import Any

from keras import layers

from anatomy.bench.native.model_graph import Call, Tensor
from anatomy.bench.native.torch_constructors import construct, unless
from anatomy.bench.native.torch_random import is_off
from anatomy.bench.native.torch_weights import Parameter, arranged
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable

_NAMES = ("query", "value", "key")
_TAKEN = (*_NAMES, "attention_mask", "use_causal_mask", "return_attention_scores")


@translates(layers.MultiHeadAttention, frameworks=("torch",))
def _multi_head(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    rank = len(call.input.shape)
    axes = getattr(layer, "_attention_axes", None)
    if rank != 3 or (axes is not None and tuple(axes) not in ((1,), (-2,))):
        raise untranslatable(call, "attention over other axes than one of time")
    for option in ("_use_gate", "_sliding_window"):
        if getattr(layer, option, None):
            raise untranslatable(call, option.removeprefix("_"))
    _attend(call, writer, layer._num_heads, layer._num_heads, layer._dropout)


@translates(layers.GroupQueryAttention, frameworks=("torch",))
def _grouped(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    for option in ("use_gate", "sliding_window"):
        if getattr(layer, option, None):
            raise untranslatable(call, option)
    _attend(call, writer, layer.num_query_heads, layer.num_key_value_heads, layer.dropout)


def _attend(call: Call, writer: TorchWriter, heads: int, groups: int, dropout: float) -> None:
    given = {**dict(zip(_NAMES, call.args, strict=False)), **call.kwargs}
    others = [name for name in given if name not in _TAKEN] or (
        ["return_attention_scores"] if len(call.outputs) > 1 else []
    )
    if others:
        raise untranslatable(call, others[0])
    layer = call.operation
    query, value = given["query"], given["value"]
    key = given.get("key", value)
    sides = (("query", layer._query_dense, query), ("key", layer._key_dense, key), ("value", layer._value_dense, value))
    values = [f"{_projection(call, writer, name, dense)}({writer.keras(t)})" for name, dense, t in sides]
    options = ""
    mask = given.get("attention_mask")
    if isinstance(mask, Tensor):
        options += f", mask={writer.keras(mask)}"
    if given.get("use_causal_mask"):
        options += ", causal=True"
    if not is_off(call, writer, dropout):
        flag = writer.training(call)
        options += f", dropout={dropout}" if flag == "True" else f", dropout={dropout} if {flag} else 0.0"
    output = _output(call, writer, layer._output_dense)
    writer.assign(call, f"{output}(attention({', '.join(values)}, {heads}, {groups}{options}))")


def _projection(call: Call, writer: TorchWriter, name: str, dense: Any) -> str:
    """Features → heads · size, in one linear layer."""
    features, heads, size = dense.kernel.shape
    weight = arranged("weight", dense.kernel, (1, 2, 0), (heads * size, features))
    bias = (arranged("bias", dense.bias, (0, 1), (heads * size,)),) if dense.bias is not None else ()
    constructor = construct("Linear", features, heads * size, bias=unless(dense.bias is not None, True))
    return writer.module(call, constructor, weight, *bias, part=name)


def _output(call: Call, writer: TorchWriter, dense: Any) -> str:
    heads, size, *rest = dense.kernel.shape
    if len(rest) != 1:
        raise untranslatable(call, "an output of several axes")
    weight = arranged("weight", dense.kernel, (2, 0, 1), (rest[0], heads * size))
    bias = (Parameter("bias", dense.bias),) if dense.bias is not None else ()
    constructor = construct("Linear", heads * size, rest[0], bias=unless(dense.bias is not None, True))
    return writer.module(call, constructor, weight, *bias, part="output")
