"""torch's `FlopCounterMode` on the forward pass. Needs `KERAS_BACKEND=torch`.

https://docs.pytorch.org/docs/stable/torch.html, `torch.utils.flop_counter`: it counts convolutions, matrix
products and attention as they are called, padding as if it were data, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras
import torch
from torch.utils.flop_counter import FlopCounterMode

from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.subject import Subject, build, inference

# What torch raises where a layer reads values, which the meta device does not have.
_NEEDS_VALUES = (NotImplementedError, RuntimeError, TypeError)
_CONVENTIONS = "Keras on torch runs the cell of a rolled-up recurrent layer once more, to learn its outputs' structure"


def rows(subject: Subject) -> list[Row]:
    """One row. Runs on the meta device, without memory or arithmetic, or on the CPU where values are read."""
    try:
        with keras.device("meta"), repaired_repeat():
            flops = count(*build(subject, weights=True), "meta")
    except _NEEDS_VALUES:
        with keras.device("cpu"):
            flops = count(*build(subject, weights=True), "cpu")
    return [Row("torch FlopCounterMode", torch.__version__, flops, _CONVENTIONS)]


def count(model: Any, inputs: Any, device: str) -> int:
    """FLOPs of one forward pass by torch's counter.

    Args:
        model: built on `device`.
        inputs: symbolic tensors in the structure that the model takes.
        device: `meta` or `cpu`.
    """

    def zeros(tensor: Any) -> Any:
        return torch.zeros(tuple(tensor.shape), device=device, dtype=getattr(torch, tensor.dtype))

    arguments = keras.tree.map_structure(zeros, inputs)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(arguments, **inference(model))
    return int(counter.get_total_flops())


@contextmanager
def repaired_repeat() -> Iterator[None]:
    """Within the block, `UpSampling2D` repeats by torch: Keras 3.15's `repeat` recurses forever on the meta device."""
    upsampling = keras.layers.UpSampling2D
    original = upsampling.call

    def call(layer: Any, inputs: Any) -> Any:
        if not isinstance(inputs, torch.Tensor) or layer.interpolation != "nearest":
            return original(layer, inputs)
        rows, columns = layer.size
        first = 2 if layer.data_format == "channels_first" else 1
        return inputs.repeat_interleave(rows, dim=first).repeat_interleave(columns, dim=first + 1)

    with mock.patch.object(upsampling, "call", call):
        yield
