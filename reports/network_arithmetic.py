"""Sizes of networks by hand, from the formulas alone: no model is built and no framework imported.

What a slide only describes (a VGG-19 that is none, a GoogLeNet cut short) is counted here; what can
be built is counted from the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import NamedTuple


class Size(NamedTuple):
    """Parameters (weights and biases) and layers with weights."""

    parameters: int
    layers: int


class Inception(NamedTuple):
    """Filters of one inception module: the columns of Table 1 of Szegedy et al. 2015."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int


# Table 1 of Szegedy et al. 2015, the rows which the slides' code reaches.
INCEPTION_3A = Inception(64, 96, 128, 16, 32, 32)
INCEPTION_3B = Inception(128, 128, 192, 32, 96, 64)
INCEPTION_4A = Inception(192, 96, 208, 16, 48, 64)

VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 6))
VGG19_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 8))
# "same as VGG-16 but with 8×Conv3-512": the last pair alone is changed.
VGG19_AS_DESCRIBED = ((64, 2), (128, 2), (256, 3), (512, 8))


def convolution(size: int, channels: int, filters: int) -> int:
    """Parameters of a square two-dimensional convolution with bias."""
    return size * size * channels * filters + filters


def dense(inputs: int, units: int) -> int:
    """Parameters of a dense layer with bias."""
    return inputs * units + units


def vgg(blocks: Sequence[tuple[int, int]], pixels: int = 7 * 7, classes: int = 1000) -> Size:
    """A VGG network from its (filters, number of 3×3 convolutions) blocks (Simonyan & Zisserman, Table 1).

    Args:
        blocks: in order; three dense layers of 4096, 4096 and `classes` follow.
        pixels: positions left before the first dense layer; 49 for an input of 224×224.
        classes: outputs.
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
    """Parameters and output channels of one inception module."""
    parameters = (
        convolution(1, channels, module.one)
        + convolution(1, channels, module.three_reduce)
        + convolution(3, module.three_reduce, module.three)
        + convolution(1, channels, module.five_reduce)
        + convolution(5, module.five_reduce, module.five)
        + convolution(1, channels, module.pool)
    )
    return parameters, module.one + module.three + module.five + module.pool


def truncated_googlenet(classes: int = 1000) -> tuple[int, int]:
    """Parameters of the slides' GoogLeNet, which ends in the head after 4a, and of that head alone."""
    body = convolution(7, 3, 64) + convolution(1, 64, 64) + convolution(3, 64, 192)
    channels = 192
    for module in (INCEPTION_3A, INCEPTION_3B, INCEPTION_4A):
        parameters, channels = inception(channels, module)
        body += parameters
    # 14×14 pooled 5×5 by 3 leaves 4×4.
    head = convolution(1, channels, 128) + dense(4 * 4 * 128, 1024) + dense(1024, classes)
    return body + head, head


def receptive_field(kernels: Sequence[int], strides: Sequence[int] | None = None) -> int:
    """Side of the input square that one output of a stack of convolutions sees.

    `1 + Σ (kᵢ − 1)·Π_{j<i} sⱼ` (Araujo, Norris & Sim 2019, equation 2).
    """
    field, jump = 1, 1
    for kernel, stride in zip(kernels, strides or [1] * len(kernels), strict=True):
        field += (kernel - 1) * jump
        jump *= stride
    return field


def agreement(claimed: float, counted: float) -> str:
    """How a count agrees with a claimed number, at the claim's own precision.

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
