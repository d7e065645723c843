"""Layers that Keras lacks: those of the zoo, and those inside `keras.applications`."""

from __future__ import annotations

from keras.src.applications.convnext import LayerScale, StochasticDepth
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from anatomy.bench.native.functional_noise import dropout_expression
from anatomy.bench.native.functional_writer import BOTH, FunctionalWriter
from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.translation import translates
from anatomy.models.local_response_normalization import LocalResponseNormalization
from anatomy.models.tensor_layers import ArgMaxTime, FlipTime, ZeroPadShortcut


@translates(LocalResponseNormalization, frameworks=BOTH)
def _local_response_norm(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    options = f"{layer.depth_radius}, {layer.bias}, {layer.alpha}, {layer.beta}"
    writer.assign(call, f"local_response_norm({writer.value(call.input)}, {options})")


@translates(ZeroPadShortcut, frameworks=BOTH)
def _zero_pad_shortcut(call: Call, writer: FunctionalWriter) -> None:
    layer = call.operation
    missing = layer.filters - (call.input.shape[-1] or 0)
    widths = ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2))
    step = f"::{layer.stride}"
    x = f"{writer.value(call.input)}[:, {step}, {step}]"
    writer.assign(call, f"{writer.choose('jnp.pad', 'tf.pad')}({x}, {widths})")


@translates(FlipTime, frameworks=BOTH)
def _flip_time(call: Call, writer: FunctionalWriter) -> None:
    x = writer.value(call.input)
    writer.assign(call, writer.choose(f"jnp.flip({x}, 1)", f"tf.reverse({x}, [1])"))


@translates(ArgMaxTime, frameworks=BOTH)
def _arg_max_time(call: Call, writer: FunctionalWriter) -> None:
    x = writer.value(call.input)
    writer.assign(call, writer.choose(f"jnp.argmax({x}, 1)", f"tf.argmax({x}, 1, tf.int32)"))


@translates(LayerScale, frameworks=BOTH)
def _layer_scale(call: Call, writer: FunctionalWriter) -> None:
    gamma = writer.weight(call.path, "gamma", call.operation.gamma)
    writer.assign(call, f"{writer.value(call.input)} * {gamma}")


@translates(StochasticDepth, frameworks=BOTH)
def _stochastic_depth(call: Call, writer: FunctionalWriter) -> None:
    shared = range(1, len(call.input.shape))
    rate = call.operation.drop_path_rate
    writer.assign(call, dropout_expression(call, writer, writer.value(call.input), rate, shared))


@translates(CustomScaleLayer, frameworks=BOTH)
def _scaled_residual(call: Call, writer: FunctionalWriter) -> None:
    x, residual = map(writer.value, call.inputs)
    writer.assign(call, f"{x} + {residual} * {call.operation.scale}")
