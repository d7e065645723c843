"""The lines that draw a batch: the shapes and dtypes that Anatomy uses, plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.script.code_layout import call


def data_lines(model: Any, losses: Sequence[str] | None, examples: int) -> list[str]:
    """Code that sets `x`, and `y` for `losses` (one per output) unless null; `rng` is numpy's generator.

    Args:
        examples: the first dimension of every array.
    """
    vocabulary = _vocabulary(model)
    inputs = [_input(tensor, examples, vocabulary) for tensor in model.inputs]
    lines = ["rng = np.random.default_rng(0)", *_assigned("x", inputs)]
    if losses is not None:
        targets = [
            _target((examples, *tensor.shape[1:]), loss) for tensor, loss in zip(model.outputs, losses, strict=True)
        ]
        lines += _assigned("y", targets)
    return lines


def _assigned(name: str, parts: Sequence[str]) -> list[str]:
    """One array, or a list of several."""
    if len(parts) == 1:
        return [f"{name} = {parts[0]}"]
    if len(set(parts)) == 1:
        return [f"{name} = [{parts[0]} for _ in range({len(parts)})]"]
    return call(f"{name} = [", parts, "]")


def _input(tensor: Any, examples: int, vocabulary: int) -> str:
    shape = (examples, *tensor.shape[1:])
    dtype = str(tensor.dtype)
    if dtype.startswith(("int", "uint")):
        return f'rng.integers(0, {vocabulary}, {_tuple(shape)}).astype("{dtype}")'
    if dtype == "bool":
        return f"rng.integers(0, 2, {_tuple(shape)}).astype(bool)"
    return _normal(shape)


def _target(shape: Sequence[int], loss: str) -> str:
    name = loss.lower()
    if "sparse" in name:
        return f'rng.integers(0, {shape[-1]}, {_tuple(shape[:-1])}).astype("int32")'
    if "categorical" in name:
        return f'np.eye({shape[-1]}, dtype="float32")[rng.integers(0, {shape[-1]}, {_tuple(shape[:-1])})]'
    if "binary" in name:
        return f'rng.integers(0, 2, {_tuple(shape)}).astype("float32")'
    return _normal(shape)


def _normal(shape: Sequence[int]) -> str:
    return f'rng.standard_normal({_tuple(shape)}, dtype="float32")'


def _tuple(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _vocabulary(model: Any) -> int:
    """The smallest vocabulary of the model's embeddings."""
    import keras

    embeddings = (layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding))
    return min((layer.input_dim for layer in embeddings), default=2)
