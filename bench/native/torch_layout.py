"""In which order the axes of a tensor lie in a PyTorch program: PyTorch's image layers take channels first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.model_graph import Call, ModelGraph, Tensor

# `keras`: as in Keras. `first`: the last axis is the second. `flat`: one row an example, flattened from channels first.
Layout = Literal["keras", "first", "flat"]


def first_axes(rank: int) -> tuple[int, ...]:
    """The permutation that moves the last axis behind the batch: `(0, 3, 1, 2)` for images."""
    return (0, rank - 1, *range(1, rank - 1))


def last_axes(rank: int) -> tuple[int, ...]:
    """The permutation back: `(0, 2, 3, 1)` for images."""
    return (0, *range(2, rank), 1)


def permuted(expression: str, axes: Sequence[int]) -> str:
    """The expression with its axes in another order, as one writes it for this rank."""
    return f"{expression}.transpose(1, 2)" if len(axes) == 3 else f"{expression}.permute{tuple(axes)}"


def axis_of(axis: int, rank: int, layout: Layout) -> int:
    """Where an axis of Keras's lies in the program."""
    return first_axes(rank).index(axis % rank) if layout == "first" else axis % rank


def channels_first_inputs(graph: ModelGraph) -> set[Tensor]:
    """The inputs that a program takes with channels first: they reach image layers, if need be through others."""
    wanted: set[Tensor] = set()
    for call in reversed(graph.calls):
        if takes_channels_first(call) or (keeps_layout(call.operation) and wanted & set(call.outputs)):
            wanted |= {tensor for tensor in call.inputs if len(tensor.shape) > 2}
    return wanted & set(graph.inputs)


def takes_channels_first(call: Call) -> bool:
    """Whether a call is of an image layer that has channels last in Keras."""
    is_image_layer = isinstance(call.operation, _image_layers())
    return is_image_layer and getattr(call.operation, "data_format", "") == "channels_last"


def keeps_layout(operation: Any) -> bool:
    """Whether an operation works on any order of the axes and returns the same."""
    return isinstance(operation, (Activation, *_any_order()))


@cache
def _image_layers() -> tuple[type, ...]:
    from keras import layers
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
    from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
    from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv
    from keras.src.layers.pooling.base_global_pooling import BaseGlobalPooling
    from keras.src.layers.pooling.base_pooling import BasePooling

    convolutions = (BaseConv, BaseConvTranspose, BaseDepthwiseConv, BaseSeparableConv)
    paddings = (layers.ZeroPadding2D, layers.ZeroPadding3D, layers.Cropping2D, layers.Cropping3D)
    return (*convolutions, BasePooling, BaseGlobalPooling, *paddings, layers.UpSampling2D, layers.UpSampling3D)


@cache
def _any_order() -> tuple[type, ...]:
    from keras import layers
    from keras.src.layers.merging.base_merge import Merge
    from keras.src.layers.regularization.spatial_dropout import BaseSpatialDropout

    values = (layers.Rescaling, layers.Normalization, layers.BatchNormalization, layers.Identity)
    noise = (layers.Dropout, BaseSpatialDropout, layers.GaussianNoise, layers.GaussianDropout)
    return (*values, *noise, Merge)
