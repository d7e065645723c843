"""Synthetic inputs and targets for any Keras model: realistic, reproducible, no zeros, no denormals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch
from anatomy.bench.workload.learnable_data import NO_LOSS, carry, draw_targets

SEED = 20_170_901


def make_batch(model: Any, batch_size: int, losses: list[str] | None, seed: int = SEED) -> Batch:
    """Draw inputs for `model`, and targets fit for `losses` (one per output) unless null.

    Floats are standard normal; integers are uniform over the smallest vocabulary of the model's
    embeddings. Targets: class ids for sparse losses, one-hot rows for categorical ones, 0/1 for
    binary ones, else values between -1 and 1. The data can be learned: the inputs carry a pattern
    of the targets (`signals`).

    Raises:
        NotImplementedError: an input has an open dimension besides the batch.
    """
    rng = np.random.default_rng(seed)
    vocabulary = min((layer.input_dim for layer in _embeddings(model)), default=2)
    inputs = [_draw_input(rng, tensor, batch_size, vocabulary) for tensor in model.inputs]
    if losses is None:
        return Batch(inputs[0] if len(inputs) == 1 else inputs)
    shapes = [_concrete(tensor.shape, batch_size, "output") for tensor in model.outputs]
    targets = draw_targets(rng, shapes, losses)
    # Only from a target that a loss looks at can anything be learned.
    told = next((target for target, loss in zip(targets, losses, strict=True) if loss != NO_LOSS), targets[0])
    inputs = [carry(rng, x, told, vocabulary) for x in inputs]
    return Batch(inputs[0] if len(inputs) == 1 else inputs, targets[0] if len(targets) == 1 else targets)


def _draw_input(rng: np.random.Generator, tensor: Any, batch_size: int, vocabulary: int) -> Any:
    shape = _concrete(tensor.shape, batch_size, "input")
    dtype = str(tensor.dtype)
    if dtype.startswith(("int", "uint")):
        return rng.integers(0, vocabulary, shape).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    # numpy has no bfloat16: Keras casts float32 inputs to the compute dtype itself.
    return rng.standard_normal(shape, dtype=np.float32)


def _concrete(shape: tuple[int | None, ...], batch_size: int, what: str) -> tuple[int, ...]:
    if shape[0] is not None and shape[0] != batch_size:
        raise NotImplementedError(
            f"the model's batch size is fixed to {shape[0]}; measure it with --batch-size {shape[0]}"
        )
    if any(size is None for size in shape[1:]):
        raise NotImplementedError(
            f"the model's {what} shape {tuple(shape)} is open; give every dimension a size, e.g. rcnn:words=50"
        )
    return (batch_size, *(size for size in shape[1:] if size is not None))


def _embeddings(model: Any) -> Iterator[Any]:
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Embedding):
            yield layer
