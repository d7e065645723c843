"""torch's `FlopCounterMode` on the forward pass. Needs `KERAS_BACKEND=torch`.

https://docs.pytorch.org/docs/stable/torch.html, `torch.utils.flop_counter`: it counts convolutions, matrix
products and attention as they are called, padding as if it were data, and nothing else. It knows no figure for the
fused attention of the CPU, so attention runs as two products.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from anatomy.bench.counting.call_arguments import inference
from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.subject import Subject, build

_CONVENTIONS = (
    "Keras on torch runs the cell of a rolled-up recurrent layer once more, to learn its outputs' structure, and cuts "
    "patches by a convolution"
)


def rows(subject: Subject) -> list[Row]:
    """One row. Runs on the meta device, without memory or arithmetic, or on the CPU where values are read."""
    try:
        with keras.device("meta"), repaired_repeat():
            flops = count(*build(subject, weights=True), "meta")
    except Exception:  # noqa: BLE001  # where a layer reads values, Keras and torch raise anything
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
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        model(arguments, **inference(model))
    return int(counter.get_total_flops())


@contextmanager
def repaired_repeat() -> Iterator[None]:
    """Within the block, tensors without values can be repeated: Keras 3.15's `repeat` recurses forever there."""
    module = sys.modules["keras.src.backend.torch.numpy"]
    original = module.repeat

    def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
        tensor = keras.ops.convert_to_tensor(x)
        if not tensor.is_meta:
            return original(tensor, repeats, axis=axis)
        shape = keras.ops.repeat(keras.KerasTensor(tuple(tensor.shape)), repeats, axis=axis).shape
        return torch.empty(shape, dtype=tensor.dtype, device="meta")

    with mock.patch.object(module, "repeat", repeat):
        yield
