"""Which kernel elements of a convolution meet data, and which meet padding."""

from __future__ import annotations

import numpy as np


def valid_taps(
    input_length: int,
    output_length: int,
    taps: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    input_dilation: int = 1,
) -> int:
    """Pairs of an output position and a kernel element, along one axis, that lie on an input element.

    XLA counts a convolution so (`HloCostAnalysis::GetConvolutionFlops`, `xla/service/hlo_cost_analysis.cc`);
    the product over the axes replaces output positions × kernel positions.

    Args:
        taps: length of the kernel.
        stride: of the window.
        padding: elements before the first input element; negative where some are cut off.
        dilation: distance of kernel elements.
        input_dilation: distance of input elements, with holes between them (transposed convolution).
    """
    starts = np.arange(output_length)[:, None] * stride - padding
    places = starts + np.arange(taps)[None, :] * dilation
    on_element = places % input_dilation == 0
    inside = (places >= 0) & (places <= (input_length - 1) * input_dilation)
    return int(np.count_nonzero(on_element & inside))


def same_padding(input_length: int, output_length: int, taps: int, stride: int, dilation: int) -> int:
    """Elements that "same" padding puts before the input: half of what is missing, rounded down."""
    missing = (output_length - 1) * stride + (taps - 1) * dilation + 1 - input_length
    return max(missing, 0) // 2
