"""Convolutions of one to three dimensions, channels last."""

from __future__ import annotations

from keras import layers

from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates, untranslatable


@translates(layers.Conv1D, layers.Conv2D, layers.Conv3D, frameworks=BOTH)
def _conv(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    if getattr(layer, "lora_enabled", False):
        raise untranslatable(call, "LoRA weights")
    x = writer.value(call.input)
    weights = writer.layer(call, kernel=layer._kernel, bias=layer.bias)
    options = _options(call)
    if layer.padding == "causal":
        reach = (layer.kernel_size[0] - 1) * layer.dilation_rate[0]
        x = f"{writer.choose('jnp.pad', 'tf.pad')}({x}, ((0, 0), ({reach}, 0), (0, 0)))"
    if layer.groups > 1:
        options += f", groups={layer.groups}"
    writer.assign(call, f"conv({x}, {weights}, {options})")


@translates(layers.DepthwiseConv1D, layers.DepthwiseConv2D, frameworks=BOTH)
def _depthwise_conv(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    _require_supported(call, writer)
    weights = writer.layer(call, kernel=layer.kernel, bias=layer.bias)
    writer.assign(call, f"depthwise_conv({writer.value(call.input)}, {weights}, {_options(call)})")


@translates(layers.SeparableConv1D, layers.SeparableConv2D, frameworks=BOTH)
def _separable_conv(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    _require_supported(call, writer)
    depthwise = writer.weight(call.path, "depthwise_kernel", layer.depthwise_kernel)
    pointwise = writer.weight(call.path, "pointwise_kernel", layer.pointwise_kernel)
    bias = "" if layer.bias is None else f', "bias": {writer.weight(call.path, "bias", layer.bias)}'
    inner = f'depthwise_conv({writer.value(call.input)}, {{"kernel": {depthwise}}}, {_options(call)})'
    ones = (1,) * layer.rank
    writer.assign(call, f'conv({inner}, {{"kernel": {pointwise}{bias}}}, strides={ones}, padding="VALID")')


@translates(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose, frameworks=BOTH)
def _conv_transpose(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    size = call.output.shape[1:-1]
    if None in size:
        raise untranslatable(call, "an open height or width")
    weights = writer.layer(call, kernel=layer.kernel, bias=layer.bias)
    strides, padding, *dilation = _parts(call)
    options = ", ".join([strides, padding, f"size={size}", *dilation])
    writer.assign(call, f"conv_transpose({writer.value(call.input)}, {weights}, {options})")


def _options(call: Call) -> str:
    return ", ".join(_parts(call))


def _parts(call: Call) -> list[str]:
    layer = call.operation
    parts = [f"strides={tuple(layer.strides)}", f"padding={padding_of(call)}"]
    if any(rate > 1 for rate in layer.dilation_rate):
        parts.append(f"dilation={tuple(layer.dilation_rate)}")
    return parts


def _require_supported(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    if writer.framework == "tensorflow" and max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise untranslatable(call, "strides and dilation, which TensorFlow has not together")
    if writer.framework == "tensorflow" and len(set(layer.strides)) > 1:
        raise untranslatable(call, "unequal strides, which TensorFlow has not")


def padding_of(call: Call) -> str:
    """The padding of a layer of images as the frameworks name it, in quotation marks.

    Raises:
        NotImplementedError: the layer has its channels first, or another kind of padding.
    """
    layer = call.operation
    if layer.data_format != "channels_last":
        raise untranslatable(call, "channels first")
    if layer.padding == "causal":
        return '"VALID"'
    if layer.padding not in ("same", "valid"):
        raise untranslatable(call, f"padding {layer.padding}")
    return f'"{layer.padding.upper()}"'
