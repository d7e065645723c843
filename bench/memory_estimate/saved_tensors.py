"""What the backward pass of a layer or operation reads, by its class: the derivative decides, not the backend.

y = x·W needs x for the gradient of W and W for that of x; y = max(x, 0), tanh x, … are written in their output;
x + y needs neither. A class that is not listed keeps its inputs and its output, which is never too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Inputs = Literal["none", "crosswise", "all"]


@dataclass(frozen=True)
class Rule:
    """How a call treats memory.

    Attributes:
        inputs: the inputs that its backward pass reads. `crosswise`: an input is read for the gradient of another
            operand, a weight included, and only if that gradient is wanted.
        output: whether its backward pass reads its output.
        view: whether its output lies where its input lies.
        in_place: whether its output may take the place of an input that nothing else needs: elementwise calls.
        own_outputs: how many further tensors of its output's size it keeps.
        mask: whether it keeps a byte for each element of its output.
    """

    inputs: Inputs = "none"
    output: bool = False
    view: bool = False
    in_place: bool = False
    own_outputs: float = 0
    mask: bool = False


VIEW = Rule(view=True)
COPY = Rule()
ELEMENTWISE = Rule(in_place=True)
BY_OUTPUT = Rule(output=True, in_place=True)
BY_INPUT = Rule("all", in_place=True)
FACTORS = Rule("crosswise", in_place=True)
PRODUCT = Rule("crosswise")
# Normalisation and look-ups read their input again.
STATISTICS = Rule("all")
UNKNOWN = Rule("all", output=True)


def _by_name(table: Mapping[Rule, str]) -> dict[str, Rule]:
    return {name: rule for rule, names in table.items() for name in names.split()}


# Activation functions with a derivative in terms of their output.
_BY_OUTPUT = "relu relu6 leaky_relu elu selu sigmoid hard_sigmoid tanh hard_tanh softmax log_softmax exponential"
_RANDOM = "Dropout AlphaDropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D"

_LAYERS = _by_name(
    {
        VIEW: "Flatten Reshape Identity InputLayer Masking",
        BY_OUTPUT: "ReLU LeakyReLU ELU Softmax",
        BY_INPUT: "PReLU Maximum Minimum",
        # The factors of a spatial dropout, one for each channel, are next to nothing.
        ELEMENTWISE: (
            "Add Subtract Average ActivityRegularization Normalization GaussianNoise "
            "SpatialDropout1D SpatialDropout2D SpatialDropout3D"
        ),
        FACTORS: "Multiply",
        STATISTICS: "LayerNormalization GroupNormalization RMSNormalization UnitNormalization Embedding",
        COPY: (
            "Permute RepeatVector Concatenate Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D "
            "ZeroPadding1D ZeroPadding2D ZeroPadding3D Rescaling Resizing CenterCrop"
        ),
        Rule(in_place=True, mask=True): "Dropout AlphaDropout",
        Rule(in_place=True, own_outputs=1): "GaussianDropout",
    }
)

_OPERATIONS = _by_name(
    {
        VIEW: "ConvertToTensor Reshape Squeeze ExpandDims Ravel Identity StopGradient GetItem Split Unstack",
        ELEMENTWISE: "Add Subtract Negative Real Imag Conj Floor Ceil Round Sign",
        BY_OUTPUT: (
            "Relu Relu6 LeakyRelu Elu Selu Sigmoid HardSigmoid Tanh HardTanh Softmax LogSoftmax Exp Expm1 Sqrt Rsqrt"
        ),
        BY_INPUT: (
            "Square Log Log1p Log2 Log10 Abs Absolute Power Sin Cos Tan Erf Silu Gelu Softplus Softsign Mish HardSilu "
            "Celu Glu Maximum Minimum Clip Divide TrueDivide Reciprocal"
        ),
        FACTORS: "Multiply",
        PRODUCT: "Matmul Dot Inner Vdot Tensordot Einsum Outer Conv DepthwiseConv SeparableConv ConvTranspose",
        COPY: (
            "Transpose SwapAxes Swapaxes Moveaxis Concatenate Stack Hstack Vstack Pad Tile Repeat BroadcastTo Flip "
            "Roll Cast Sum Mean AveragePool OnesLike ZerosLike FullLike Zeros Ones Full Arange Argmax Argmin OneHot "
            "Cumsum Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalNot LogicalXor Shape"
        ),
        STATISTICS: "DotProductAttention",
    }
)


def layer_rule(layer: Any, name: str, *, kernel: bool, training: bool) -> Rule:
    """The rule of one of Keras's own layers.

    Args:
        name: the public name it is known by.
        kernel: whether it multiplies with a kernel and then applies an activation function.
    """
    if kernel:
        return _with_activation(PRODUCT, layer)
    if name == "Activation":
        return activation_rule(layer.activation)
    if name == "BatchNormalization":
        return STATISTICS if training and layer.trainable else ELEMENTWISE
    if name in _RANDOM.split() and not (training and (getattr(layer, "rate", None) or getattr(layer, "stddev", None))):
        return VIEW
    if "MaxPooling" in name:
        return UNKNOWN
    return COPY if "AveragePooling" in name else _LAYERS.get(name, UNKNOWN)


def operation_rule(name: str) -> Rule:
    """The rule of an operation of `keras.ops`, by its class."""
    return _OPERATIONS.get(name, UNKNOWN)


def activation_rule(function: Any) -> Rule:
    """The rule of an activation function."""
    name = getattr(function, "__name__", type(function).__name__.lower())
    if name == "linear":
        return VIEW
    return BY_OUTPUT if name in _BY_OUTPUT.split() else BY_INPUT


def _with_activation(rule: Rule, layer: Any) -> Rule:
    """The rule of a layer that ends with an activation function, and keeps what that function's derivative reads."""
    function = getattr(layer, "activation", None)
    activation = activation_rule(function) if function is not None else VIEW
    if activation == BY_INPUT:
        return replace(rule, own_outputs=1)
    return replace(rule, output=activation == BY_OUTPUT)
