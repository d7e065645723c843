"""Sizes of networks by formula: no model is built and no framework imported.

Networks that a slide only describes (a VGG-19 that is none, a GoogLeNet cut short) are counted here; all others are
counted from the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import NamedTuple

from anatomy.models.googlenet import MODULES, Inception


class Size(NamedTuple):
    """The size of a network: parameters (weights and biases), and layers with weights."""

    parameters: int
    layers: int


# VGG-19 by the slide's words, "same as VGG-16 but with 8×Conv3-512": the last pair of blocks alone is changed.
VGG19_AS_DESCRIBED = ((64, 2), (128, 2), (256, 3), (512, 8))


def convolution(size: int, channels: int, filters: int) -> int:
    """Return the parameters of a square two-dimensional convolution with bias."""
    return size * size * channels * filters + filters


def dense(inputs: int, units: int) -> int:
    """Return the parameters of a dense layer with bias."""
    return inputs * units + units


def vgg(blocks: Sequence[tuple[int, int]], pixels: int = 7 * 7, classes: int = 1000) -> Size:
    """Return the size of a VGG network from its (filters, number of 3×3 convolutions) blocks.

    Args:
        blocks: blocks in order, as in table 1 of the paper; dense layers of 4096, 4096 and `classes` follow.
        pixels: positions left before the first dense layer; 49 for an input of 224×224.
        classes: number of outputs.
    """
    parameters, layers, channels = 0, 0, 3
    for filters, repeats in blocks:
        for _ in range(repeats):
            parameters += convolution(3, channels, filters)
            layers, channels = layers + 1, filters
    for inputs, units in ((pixels * channels, 4096), (4096, 4096), (4096, classes)):
        parameters, layers = parameters + dense(inputs, units), layers + 1
    return Size(parameters, layers)


def inception(channels: int, module: Inception) -> tuple[int, int]:
    """Return the parameters and the output channels of one inception module."""
    parameters = (
        convolution(1, channels, module.conv_1x1)
        + convolution(1, channels, module.reduce_3x3)
        + convolution(3, module.reduce_3x3, module.conv_3x3)
        + convolution(1, channels, module.reduce_5x5)
        + convolution(5, module.reduce_5x5, module.conv_5x5)
        + convolution(1, channels, module.pool_projection)
    )
    return parameters, module.conv_1x1 + module.conv_3x3 + module.conv_5x5 + module.pool_projection


def truncated_googlenet(classes: int = 1000) -> tuple[int, int]:
    """Return the parameters of the slides' GoogLeNet, which ends in the head after 4a, and those of that head."""
    body = convolution(7, 3, 64) + convolution(1, 64, 64) + convolution(3, 64, 192)
    channels = 192
    for module in MODULES[:3]:
        parameters, channels = inception(channels, module)
        body += parameters
    # 14×14 pooled 5×5 by 3 leaves 4×4.
    head = convolution(1, channels, 128) + dense(4 * 4 * 128, 1024) + dense(1024, classes)
    return body + head, head


def receptive_field(kernels: Sequence[int], strides: Sequence[int] | None = None) -> int:
    """Return the side of the input square that one output of a stack of convolutions sees.

    `1 + Σ (kᵢ − 1)·Π_{j<i} sⱼ` (Araujo, Norris & Sim 2019, equation 2).
    """
    field, jump = 1, 1
    for kernel, stride in zip(kernels, strides or [1] * len(kernels), strict=True):
        field += (kernel - 1) * jump
        jump *= stride
    return field


def agreement(claimed: float, counted: float) -> str:
    """Say how a count agrees with a claimed number, at the claim's own precision.

    The claim's significant digits end at its last digit that is not zero (60 million has one,
    19.4 million three). "true": equal. "true, rounded": the count rounded half up to those digits is the
    claim. "true, rounded down": the count cut off there is the claim. Otherwise "false".
    """
    claim, count = Decimal(str(claimed)), Decimal(str(counted))
    if claim == count:
        return "true"
    exponent = claim.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"claimed must be a finite number, got {claimed!r}")
    steps, unit = count.scaleb(-exponent), Decimal(1).scaleb(exponent)
    if steps.to_integral_value(ROUND_HALF_UP) * unit == claim:
        return "true, rounded"
    if steps.to_integral_value(ROUND_DOWN) * unit == claim:
        return "true, rounded down"
    return "false"
