"""Keras's activation functions in PyTorch."""

from __future__ import annotations

from typing import Any

from keras import layers

from anatomy.bench.native.model_graph import Call
from anatomy.bench.native.torch_layout import axis_of
from anatomy.bench.native.torch_weights import Parameter, arranged
from anatomy.bench.native.torch_writer import TorchWriter
from anatomy.bench.native.translation import translates, untranslatable

# Keras's name → the expression, with `{inplace}` where it has that argument.
_PLAIN = {
    "relu": "F.relu({x}{inplace})",
    "relu6": "F.relu6({x}{inplace})",
    "sigmoid": "torch.sigmoid({x})",
    "tanh": "torch.tanh({x})",
    "softplus": "F.softplus({x})",
    "softsign": "F.softsign({x})",
    "silu": "F.silu({x}{inplace})",
    "selu": "F.selu({x})",
    "exponential": "torch.exp({x})",
    "mish": "F.mish({x})",
    "log_sigmoid": "F.logsigmoid({x})",
    "hard_sigmoid": "F.hardsigmoid({x}{inplace})",
    "hard_silu": "F.hardswish({x}{inplace})",
    "hard_tanh": "F.hardtanh({x})",
    "tanh_shrink": "F.tanhshrink({x})",
}
# Those whose gradient is computed from their output, so that in training, too, they may write over their input.
_GRADIENT_OF_OUTPUT = ("relu", "relu6")


@translates(*_PLAIN, frameworks=("torch",))
def _plain(call: Call, writer: TorchWriter) -> None:
    name, options = call.operation.name, dict(call.operation.options)
    if name == "relu" and options:
        return _relu_with_options(call, writer, **options)
    if options:
        raise untranslatable(call, f"options {options}")
    free = writer.may_overwrite(call.input) and (not writer.trains or name in _GRADIENT_OF_OUTPUT)
    inplace = ", inplace=True" if free else ""
    return writer.assign_like(call, _PLAIN[name].format(x=writer.value(call.input), inplace=inplace))


def _relu_with_options(
    call: Call, writer: TorchWriter, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0
) -> None:
    x = writer.value(call.input)
    free = ", inplace=True" if writer.may_overwrite(call.input) else ""
    if threshold:
        return writer.assign_like(call, f"relu_above({x}, {threshold}, {negative_slope}, {max_value})")
    if negative_slope:
        cut = "" if max_value is None else f".clamp(max={max_value})"
        return writer.assign_like(call, f"F.leaky_relu({x}, {negative_slope}){cut}")
    if max_value == 6:
        return writer.assign_like(call, f"F.relu6({x}{free})")
    return writer.assign_like(call, f"F.hardtanh({x}, 0.0, {max_value})")


@translates("softmax", "log_softmax", frameworks=("torch",))
def _softmax(call: Call, writer: TorchWriter) -> None:
    axis = call.operation.options.get("axis", -1)
    if not isinstance(axis, int):
        raise untranslatable(call, f"axis {axis}")
    if writer.layout(call.input) == "flat":
        return writer.assign(call, f"F.{call.operation.name}({writer.keras(call.input)}, dim={axis})")
    place = axis_of(axis, len(call.input.shape), writer.layout(call.input))
    return writer.assign_like(call, f"F.{call.operation.name}({writer.value(call.input)}, dim={place})")


@translates("leaky_relu", frameworks=("torch",))
def _leaky_relu(call: Call, writer: TorchWriter) -> None:
    slope = call.operation.options.get("negative_slope", 0.2)
    writer.assign_like(call, f"F.leaky_relu({writer.value(call.input)}, {float(slope)})")


@translates("elu", frameworks=("torch",))
def _elu(call: Call, writer: TorchWriter) -> None:
    alpha = float(call.operation.options.get("alpha", 1.0))
    writer.assign_like(call, f"F.elu({writer.value(call.input)}{'' if alpha == 1 else f', {alpha}'})")


@translates("gelu", frameworks=("torch",))
def _gelu(call: Call, writer: TorchWriter) -> None:
    tanh = ', approximate="tanh"' if call.operation.options.get("approximate", False) else ""
    writer.assign_like(call, f"F.gelu({writer.value(call.input)}{tanh})")


@translates(layers.PReLU, frameworks=("torch",))
def _prelu(call: Call, writer: TorchWriter) -> None:
    alpha: Any = call.operation.alpha
    shape = tuple(alpha.shape)
    if all(size == 1 for size in shape[:-1]):
        one_a_channel = arranged("weight", alpha, tuple(range(len(shape))), (shape[-1],))
        module = writer.module(call, f"nn.PReLU({shape[-1]})", one_a_channel)
        if len(shape) == 1:
            return writer.assign_like(call, f"{module}({writer.keras(call.input)})")
        return writer.assign(call, f"{module}({writer.first(call.input)})", "first")
    x = writer.keras(call.input)
    slope = writer.parameter(call, Parameter("alpha", alpha), shape)
    return writer.assign(call, f"F.relu({x}) - {slope} * F.relu(-{x})")
