"""What XLA's cost analysis should find for the kernels and products of a model, from shapes alone.

Two conventions differ from Anatomy's: kernel elements on padding are left out, and the body of a loop
counts once however often it runs (`HloCostAnalysis::HandleConvolution` and `HandleWhile`,
`xla/service/hlo_cost_analysis.cc`). A recurrent layer of Keras on JAX is a loop unless `unroll=True`; a GRU's
input products stand before its loop.
"""

from __future__ import annotations

import math
from typing import Any

from anatomy.bench.counting.formulas import FORMULAS, Formula, cell_macs
from anatomy.bench.counting.shapes import Shape, channels, plus, spatial, times
from anatomy.bench.cross_check.padding_window import same_padding, valid_taps


def _each(setting: Any, rank: int) -> tuple[int, ...]:
    return (setting,) * rank if isinstance(setting, int) else tuple(setting)


def _scaled(macs: int | None, valid: list[int], full: list[int]) -> int | None:
    """MACs with valid positions × kernel elements in the place of all of them: divides without a rest."""
    return None if macs is None else macs // math.prod(full) * math.prod(valid)


def _lengths(layer: Any, shape: Shape) -> list[int] | None:
    lengths = [length for length in spatial(shape, layer.data_format) if length is not None]
    return lengths if len(lengths) == len(shape) - 2 else None


def _valid(layer: Any, inputs: Shape, outputs: Shape, macs: int | None) -> int | None:
    """The MACs of a convolution without kernel elements on padding."""
    into, out = _lengths(layer, inputs), _lengths(layer, outputs)
    if into is None or out is None or layer.padding != "same":
        # "causal" padding is written into the input first, and counts as data.
        return macs
    strides, dilations = _each(layer.strides, len(into)), _each(layer.dilation_rate, len(into))
    axes = list(zip(into, out, layer.kernel_size, strides, dilations, strict=True))
    valid = [valid_taps(i, o, k, stride=s, padding=same_padding(i, o, k, s, d), dilation=d) for i, o, k, s, d in axes]
    return _scaled(macs, valid, [o * k for _, o, k, _, _ in axes])


def conv(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """A convolution or depthwise convolution."""
    return _valid(layer, inputs, outputs, FORMULAS[_kind(layer)](layer, inputs, outputs))


def separable(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """Only the depthwise part meets padding."""
    depthwise = FORMULAS["DepthwiseConv2D"](layer, inputs, outputs)
    whole = FORMULAS[_kind(layer)](layer, inputs, outputs)
    if depthwise is None or whole is None:
        return None
    return plus(whole - depthwise, _valid(layer, inputs, outputs, depthwise))


def conv_transpose(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """Padding is put around the input with holes of stride − 1 between its elements, as Keras does on JAX."""
    macs = FORMULAS[_kind(layer)](layer, inputs, outputs)
    into, out = _lengths(layer, inputs), _lengths(layer, outputs)
    if into is None or out is None:
        return None
    strides, dilations = _each(layer.strides, len(into)), _each(layer.dilation_rate, len(into))
    valid, full = [], []
    for i, o, k, s, d in zip(into, out, layer.kernel_size, strides, dilations, strict=True):
        span = (k - 1) * d
        padded = o + span - ((i - 1) * s + 1)
        before = min((padded + 1) // 2, span) if layer.padding == "same" else span
        valid.append(valid_taps(i, o, k, padding=before, dilation=d, input_dilation=s))
        full.append(i * k)
    return _scaled(macs, valid, full)


def recurrent(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """One step of the cell, or all of them in a row where the layer is unrolled."""
    step = cell_macs(layer.cell, inputs[-1])
    if layer.unroll:
        return times(inputs[1], step)
    if _projects_before_loop(layer):
        units: int = layer.cell.units
        return plus(times(inputs[1], 3, inputs[-1], units), 3 * units**2)
    return step


def _projects_before_loop(layer: Any) -> bool:
    """Whether Keras on JAX multiplies all inputs with the kernel at once (`keras/src/backend/jax/rnn.py`, `gru`)."""
    import keras

    if not isinstance(layer, keras.layers.GRU):
        return False
    return bool(layer.cell.reset_after and layer.use_cudnn is not False and not layer.recurrent_dropout)


def conv_lstm(layer: Any, inputs: Shape, outputs: Shape) -> int | None:
    """One step: the input's convolution with the layer's padding, the state's with "same" padding."""
    cell = layer.cell
    step = (inputs[0], *inputs[2:])
    one_map = (outputs[0], *outputs[2:]) if layer.return_sequences else outputs
    into, out = _lengths(cell, step), _lengths(cell, one_map)
    features = channels(step, cell.data_format)
    if into is None or out is None or features is None:
        return None
    rank = len(into)
    strides, dilations = _each(cell.strides, rank), _each(cell.dilation_rate, rank)
    of_input = math.prod(
        valid_taps(i, o, k, stride=s, padding=same_padding(i, o, k, s, d) if cell.padding == "same" else 0, dilation=d)
        for i, o, k, s, d in zip(into, out, cell.kernel_size, strides, dilations, strict=True)
    )
    of_state = math.prod(
        valid_taps(o, o, k, padding=same_padding(o, o, k, 1, 1)) for o, k in zip(out, cell.kernel_size, strict=True)
    )
    filters: int = cell.filters
    return 4 * filters * (of_input * features + of_state * filters)


def _kind(layer: Any) -> str:
    from anatomy.bench.counting.known_layers import classify

    return classify(layer)[1]


_RULES = {"conv": conv, "depthwise": conv, "separable": separable}
_RULES |= {"conv_transpose": conv_transpose, "recurrent": recurrent, "conv_lstm": conv_lstm}

# Anatomy's formulas with XLA's two conventions; dense layers and products are counted alike.
AS_XLA: dict[str, Formula] = {
    name: _RULES.get(getattr(formula, "__name__", ""), formula) for name, formula in FORMULAS.items()
}
