"""torch's `FlopCounterMode` on the forward pass. Needs `KERAS_BACKEND=torch`.

https://docs.pytorch.org/docs/stable/torch.html, `torch.utils.flop_counter`: it counts convolutions, matrix
products and attention as they are called, padding as if it were data, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import keras
import torch
from torch.utils.flop_counter import FlopCounterMode

from anatomy.bench.cross_check.counter_rows import Row, Term
from anatomy.bench.cross_check.subject import Subject, build, inference

# What torch raises where a layer reads values, which the meta device does not have.
_NEEDS_VALUES = (NotImplementedError, RuntimeError, TypeError)


def rows(subject: Subject) -> list[Row]:
    """One row. Runs on the meta device, without memory or arithmetic, or on the CPU where values are read."""
    try:
        with keras.device("meta"), repaired_repeat():
            flops, terms = count(*build(subject, weights=True), "meta")
    except _NEEDS_VALUES:
        with keras.device("cpu"):
            flops, terms = count(*build(subject, weights=True), "cpu")
    return [Row("torch FlopCounterMode", torch.__version__, flops, products=flops, terms=tuple(terms))]


def count(model: Any, inputs: Any, device: str) -> tuple[int, list[Term]]:
    """FLOPs of one forward pass by torch's counter, and why they differ from Anatomy's.

    Args:
        inputs: symbolic tensors in the structure that the model takes.
        device: of torch; the model's own.
    """

    def zeros(tensor: Any) -> Any:
        return torch.zeros(tuple(tensor.shape), device=device, dtype=getattr(torch, tensor.dtype))

    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "cell")]
    arguments = keras.tree.map_structure(zeros, inputs)
    counter = FlopCounterMode(display=False)
    with _watched_steps(layers, counter) as steps, counter, torch.no_grad():
        model(arguments, **inference(model))
    return int(counter.get_total_flops()), _extra_steps(steps)


class _Steps:
    """Of one recurrent layer: the steps there are, and the FLOPs of each call of its cell."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wanted = 0
        self.flops: list[int] = []


@contextmanager
def _watched_steps(layers: list[Any], counter: FlopCounterMode) -> Iterator[list[_Steps]]:
    """Within the block, calls of recurrent layers and their cells are noted."""
    found = []
    with ExitStack() as patches:
        for layer in layers:
            steps = _Steps(layer.name)
            found.append(steps)
            patches.enter_context(mock.patch.object(layer, "call", _noting_length(layer.call, steps)))
            patches.enter_context(mock.patch.object(layer.cell, "call", _noting_flops(layer.cell.call, steps, counter)))
        yield found


def _noting_length(call: Any, steps: _Steps) -> Any:
    def layer_call(sequences: Any, *args: Any, **kwargs: Any) -> Any:
        steps.wanted += sequences.shape[1]
        return call(sequences, *args, **kwargs)

    return layer_call


def _noting_flops(call: Any, steps: _Steps, counter: FlopCounterMode) -> Any:
    def cell_call(*args: Any, **kwargs: Any) -> Any:
        before = counter.get_total_flops()
        outputs = call(*args, **kwargs)
        steps.flops.append(int(counter.get_total_flops() - before))
        return outputs

    return cell_call


def _extra_steps(found: list[_Steps]) -> list[Term]:
    """Keras runs the cell of a rolled-up layer once more, and first, to learn the structure of its outputs.

    A layer that Keras hands to torch's own recurrence never calls its cell.
    """
    longer = [steps for steps in found if len(steps.flops) > steps.wanted]
    flops = sum(sum(steps.flops[: len(steps.flops) - steps.wanted]) for steps in longer)
    names = ", ".join(f"{len(steps.flops)} of {steps.name} where there are {steps.wanted}" for steps in longer)
    return [Term("extra steps", flops, f"Keras on torch runs {names}")] if flops else []


@contextmanager
def repaired_repeat() -> Iterator[None]:
    """Keras 3.15's `repeat` calls itself without end on the meta device; repeat rows and columns by torch."""
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
