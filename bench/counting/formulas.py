"""MACs of Keras's own layers with kernels, of one example, from shapes alone.

A MAC is one multiply-accumulate with an element of a kernel. Biases, gates' elementwise products,
normalisation and activation functions are not counted. A formula takes the layer and its first
input and output shape, batch first, and returns `None` if a length is unknown.

Sources: the layers' pages at https://keras.io/api/layers/; convolutions as in torch's
`torch.utils.flop_counter.conv_flop_count` (a transposed convolution multiplies every input
position with the whole kernel); recurrent layers as T·g·(d·u + u²) with g gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anatomy.bench.counting.einsum import einsum_macs, einsum_shape
from anatomy.bench.counting.shapes import Shape, channels, plus, size, spatial, times

Formula = Callable[[Any, Shape, Shape], int | None]

# Matrix products of a cell's input and of its state, per step.
GATES = {"SimpleRNNCell": 1, "GRUCell": 3, "LSTMCell": 4}


def dense(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """Every output element is a dot product over the last axis."""
    return times(size(outputs[1:]), inputs[-1])


def einsum_dense(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """One MAC for each value that the labels of the equation can take together."""
    return einsum_macs(layer.equation, (1, *inputs[1:]), layer.kernel.shape)


def completed_einsum(layer: Any, inputs: Any, outputs: Any) -> Any:
    """The symbolic output of an `EinsumDense` with all lengths that its input gives."""
    shape = einsum_shape(layer.equation, inputs.shape, layer.kernel.shape)
    return type(outputs)(shape, dtype=outputs.dtype)


def conv(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """Output positions × kernel positions × (input channels / groups) × filters."""
    into = channels(inputs, layer.data_format)
    per_group = None if into is None else into // layer.groups
    positions = size(spatial(outputs, layer.data_format))
    return times(positions, size(layer.kernel_size), per_group, layer.filters)


def conv_transpose(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """Input positions × kernel positions × input channels × filters."""
    positions = size(spatial(inputs, layer.data_format))
    return times(positions, size(layer.kernel_size), channels(inputs, layer.data_format), layer.filters)


def depthwise(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """Output positions × kernel positions × channels × multiplier."""
    positions = size(spatial(outputs, layer.data_format))
    into = channels(inputs, layer.data_format)
    return times(positions, size(layer.kernel_size), into, layer.depth_multiplier)


def separable(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """A depthwise convolution and a 1×1 convolution over its output."""
    into = times(channels(inputs, layer.data_format), layer.depth_multiplier)
    positions = size(spatial(outputs, layer.data_format))
    return plus(depthwise(layer, inputs, outputs), times(positions, into, layer.filters))


def recurrent(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """T · Σ over the stacked cells of g·(d·u + u²)."""
    return times(inputs[1], cell_macs(layer.cell, inputs[-1]))


def cell_macs(cell: Any, features: int | None) -> int | None:
    """MACs of one step of a cell, or of the cells of a stack."""
    total: int | None = 0
    for single in cells_of(cell):
        gates, units = GATES[type(single).__name__], single.units
        total = plus(total, times(gates, plus(times(features, units), units * units)))
        features = units
    return total


def cells_of(cell: Any) -> list[Any]:
    """The cells of a `StackedRNNCells`, or the one cell."""
    return list(cell.cells) if type(cell).__name__ == "StackedRNNCells" else [cell]


def has_known_cells(layer: Any) -> bool:
    """Whether all cells of a recurrent layer are Keras's own."""
    import keras

    known = tuple(getattr(keras.layers, name) for name in GATES)
    return all(type(cell) in known for cell in cells_of(layer.cell))


def conv_lstm(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """T · output positions · kernel positions · 4 · (input channels + filters) · filters.

    The recurrent convolution runs over the output's positions with stride 1 and "same" padding.
    """
    state = layer.cell
    step = (inputs[0], *inputs[2:])
    one_map = (outputs[0], *outputs[2:]) if layer.return_sequences else outputs
    positions = size(spatial(one_map, state.data_format))
    into = channels(step, state.data_format)
    per_position = times(size(state.kernel_size), 4 * state.filters, plus(into, state.filters))
    return times(inputs[1], positions, per_position)


FORMULAS: dict[str, Formula] = {
    "Dense": dense,
    "EinsumDense": einsum_dense,
    "Conv1D": conv,
    "Conv2D": conv,
    "Conv3D": conv,
    "Conv1DTranspose": conv_transpose,
    "Conv2DTranspose": conv_transpose,
    "Conv3DTranspose": conv_transpose,
    "DepthwiseConv1D": depthwise,
    "DepthwiseConv2D": depthwise,
    "SeparableConv1D": separable,
    "SeparableConv2D": separable,
    "SimpleRNN": recurrent,
    "GRU": recurrent,
    "LSTM": recurrent,
    "RNN": recurrent,
    "ConvLSTM1D": conv_lstm,
    "ConvLSTM2D": conv_lstm,
    "ConvLSTM3D": conv_lstm,
}
