"""Keras's layers in PyTorch; importing this registers all translations."""

from __future__ import annotations

from keras import layers

from anatomy.bench.native import (
    torch_activations,
    torch_attention,
    torch_convolutions,
    torch_merging,
    torch_normalizations,
    torch_operations,
    torch_own_layers,
    torch_pooling,
    torch_random,
    torch_recurrent,
    torch_shapes,
)
from anatomy.bench.native.activations import activation_of, without_activation
from anatomy.bench.native.model_graph import Call, is_graph
from anatomy.bench.native.torch_constructors import construct, unless
from anatomy.bench.native.torch_weights import Parameter, arranged
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, translator_of, untranslatable

ROOMS = (
    torch_activations,
    torch_attention,
    torch_convolutions,
    torch_merging,
    torch_normalizations,
    torch_operations,
    torch_own_layers,
    torch_pooling,
    torch_random,
    torch_recurrent,
    torch_shapes,
)


@translates(layers.Dense, frameworks=("torch",))
def _dense(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    inputs, units = layer.kernel.shape
    weight = arranged("weight", layer.kernel, (1, 0))
    x = writer.keras(call.input)
    if writer.layout(call.input) == "flat" and not writer.is_shared(call):
        # The rows of the kernel go with channels last: moved once, here, instead of the image at every step.
        channels, *sides = writer.flattened(call.input)
        rank = len(sides) + 1
        axes = (rank, rank - 1, *range(rank - 1))
        weight = arranged("weight", layer.kernel, axes, (units, inputs), (*sides, channels, units))
        x = writer.value(call.input)
    bias = (Parameter("bias", layer.bias),) if layer.use_bias else ()
    constructor = construct("Linear", inputs, units, bias=unless(layer.use_bias, True))
    writer.assign(call, f"{writer.module(call, constructor, weight, *bias)}({x})")


@translates(layers.Embedding, frameworks=("torch",))
def _embedding(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    weight = Parameter("weight", layer.embeddings)
    module = writer.module(call, construct("Embedding", layer.input_dim, layer.output_dim), weight)
    ids = writer.keras(call.input)
    whole = call.input.dtype in ("int32", "int64")
    writer.assign(call, f"{module}({ids if whole else f'{ids}.int()'})")


@translates(layers.EinsumDense, frameworks=("torch",))
def _einsum_dense(call: Call, writer: TorchWriter) -> None:
    layer = call.operation
    kernel, bias = layer.kernel, layer.bias
    given, _, outputs = layer.equation.partition("->")
    inputs, _, letters = given.partition(",")
    x = writer.keras(call.input)
    if len(letters) == 2 and (inputs[-1], outputs) == (letters[0], inputs[:-1] + letters[1]):
        weight = arranged("weight", kernel, (1, 0))
        offset = (arranged("bias", bias, tuple(range(len(bias.shape))), (bias.shape[-1],)),) if bias is not None else ()
        constructor = construct("Linear", *kernel.shape, bias=unless(bias is not None, True))
        return writer.assign(call, f"{writer.module(call, constructor, weight, *offset)}({x})")
    weight_name = writer.parameter(call, Parameter("kernel", kernel), tuple(kernel.shape))
    product = f'torch.einsum("{layer.equation}", {x}, {weight_name})'
    if bias is None:
        return writer.assign(call, product)
    return writer.assign(call, f"{product} + {writer.parameter(call, Parameter('bias', bias), tuple(bias.shape))}")


@translates(layers.TimeDistributed, frameworks=("torch",))
def _time_distributed(call: Call, writer: TorchWriter) -> None:
    """The steps join the batch: one call of the layer for all of them."""
    inner, steps = call.operation.layer, call.input.shape[1]
    activation = activation_of(inner)
    parts = [inner] if activation is None or without_activation(inner) else []
    parts += [activation] if activation is not None and activation.name != "linear" else []
    if steps is None or is_graph(inner):
        raise untranslatable(call, "an open number of steps" if steps is None else "a model inside")
    if writer.trains and isinstance(inner, layers.BatchNormalization):
        raise untranslatable(call, "the statistics of each step")
    value = writer.scratch(call.input, (None, *call.input.shape[2:]))
    writer.line(f"{writer.value(value)} = {writer.keras(call.input)}.flatten(0, 1)")
    for part in parts:
        translator = translator_of(part, "torch")
        if translator is None:
            raise untranslatable(call, f"{type(inner).__name__} inside")
        result = writer.scratch(call.output, (None, *call.output.shape[2:]))
        translator(Call(part, call.path, (value,), {}, (result,), call.training), writer)
        value = result
    writer.assign(call, f"{writer.keras(value)}.unflatten(0, (-1, {steps}))")
