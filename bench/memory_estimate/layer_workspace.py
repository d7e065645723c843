"""The tensors inside a layer or operation that are neither inputs nor outputs, by its definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.shapes import channels, item_bytes, size, spatial, times

# Per step of a ConvLSTM: four gates, the state, its tanh and the output (Shi et al. 2015, equations 3).
CONV_LSTM_MAPS = 7


def workspace_bytes(operation: Any, inputs: Sequence[Any], outputs: Any) -> int:
    """Bytes of the tensors inside; 0 for all but a few classes."""
    name = type(operation).__name__
    first = symbolic_tensors(outputs)[0] if symbolic_tensors(outputs) else None
    if first is None or not inputs:
        return 0
    item = item_bytes(str(first.dtype))
    if name.startswith("SeparableConv") and hasattr(operation, "depth_multiplier"):
        return (_depthwise(operation, inputs[0].shape, first.shape) or 0) * item
    if name.startswith("ConvLSTM") and hasattr(operation, "return_sequences"):
        one_map = (first.shape[0], *first.shape[2:]) if operation.return_sequences else first.shape
        return (times(inputs[0].shape[1], CONV_LSTM_MAPS, size(one_map)) or 0) * item
    if name == "DotProductAttention" and len(inputs) > 1:
        batch, length, heads, _ = inputs[0].shape
        # The scores' softmax; the scores themselves are not read again.
        return (times(batch, heads, length, inputs[1].shape[1]) or 0) * item
    return 0


def _depthwise(layer: Any, inputs: Sequence[int | None], outputs: Sequence[int | None]) -> int | None:
    """Elements between the two convolutions."""
    positions = size(spatial(outputs, layer.data_format))
    return times(outputs[0], positions, channels(inputs, layer.data_format), layer.depth_multiplier)
