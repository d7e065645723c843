"""Targets, and inputs that carry them: synthetic data on which a loss goes down if training works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Patterns are this coarse along each axis of space or time, so that convolutions and pooling keep them.
CELLS = 4
# Of the tokens of an example, the share that comes from its class's part of the vocabulary.
TOKEN_SHARE = 0.5
# The name of the loss of an output that has none; a step is given a target for it all the same.
NO_LOSS = "None"


def draw_targets(rng: np.random.Generator, shapes: Sequence[tuple[int, ...]], losses: Sequence[str]) -> list[Array]:
    """Targets of each output. Outputs of one kind share the examples' classes (auxiliary heads do)."""
    classes: dict[tuple[int, ...], Array] = {}
    targets = []
    for shape, loss in zip(shapes, losses, strict=True):
        if "categorical" not in loss or "hinge" in loss:
            targets.append(_other_targets(rng, shape, loss))
            continue
        if shape not in classes:
            classes[shape] = _coarse(rng, shape[:-1], shape[-1]) if len(shape) > 2 else rng.integers(0, *_ids(shape))
        ids = classes[shape]
        targets.append(ids.astype(np.int32) if "sparse" in loss else np.eye(shape[-1], dtype=np.float32)[ids])
    return targets


def _other_targets(rng: np.random.Generator, shape: tuple[int, ...], loss: str) -> Array:
    """Targets of a loss that is not about classes, in the range that its documentation asks for.

    https://keras.io/api/losses/
    """
    if any(kind in loss for kind in ("binary", "dice", "tversky")):
        return _binary(rng, shape)
    if "hinge" in loss:
        return 2 * _binary(rng, shape) - 1
    if loss == "ctc":
        # Labels without the blank one, 0, and short enough for a path with a blank between any two.
        length = max(1, (shape[1] - 1) // 3)
        return rng.integers(1, max(2, shape[-1]), (shape[0], length)).astype(np.int32)
    if "circle" in loss:
        return rng.integers(0, max(2, shape[0] // 4), shape[:1]).astype(np.int32)
    if "poisson" in loss:
        return rng.poisson(1.0, shape).astype(np.float32)
    if "divergence" in loss:
        return rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)
    if "percentage" in loss or "logarithmic" in loss:
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return rng.uniform(-1, 1, shape).astype(np.float32)


def carry(rng: np.random.Generator, x: Array, target: Array, vocabulary: int) -> Array:
    """`x` with a pattern that tells the target: an offset for floats, a choice of tokens for integers.

    Where the target lies on the same grid as the input (segmentation) each place carries its own; else
    each example carries one pattern, scaled by its target or chosen by its class.
    """
    if x.dtype == bool:
        return x
    if not np.issubdtype(x.dtype, np.floating):
        return _tokens(rng, x, _one_a_row(target), vocabulary)
    places = target[..., :1] if target.ndim == x.ndim else target[..., None]
    if x.ndim > 2 and places.shape[:-1] == x.shape[:-1]:
        return np.asarray(x + places, x.dtype)
    labels = _one_a_row(target)
    if np.issubdtype(labels.dtype, np.integer):
        patterns = _patterns(rng, int(labels.max()) + 1, x.shape[1:])
        return np.asarray(x + patterns[labels], x.dtype)
    scale = labels.reshape(-1, *[1] * (x.ndim - 1))
    return np.asarray(x + scale * _patterns(rng, 1, x.shape[1:]), x.dtype)


def _one_a_row(target: Array) -> Array:
    """A class or value for each example: one-hot rows are read back, several values give their first."""
    flat = target.reshape(len(target), -1)
    if flat.shape[1] > 1 and set(np.unique(flat)) <= {0.0, 1.0} and (flat.sum(axis=1) == 1).all():
        return np.asarray(np.argmax(flat, axis=1))
    return np.asarray(flat[:, 0])


def _patterns(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> Array:
    """Standard normal patterns, constant over a quarter of each axis but the last."""
    grid = rng.standard_normal((count, *(min(CELLS, size) for size in shape[:-1]), shape[-1]), dtype=np.float32)
    return _stretch(grid, (count, *shape), axes=range(1, len(shape)))


def _coarse(rng: np.random.Generator, shape: tuple[int, ...], classes: int) -> Array:
    """Class ids in coarse blobs over every axis but the first."""
    grid = rng.integers(0, classes, (shape[0], *(min(CELLS, size) for size in shape[1:])))
    return _stretch(grid, shape, axes=range(1, len(shape)))


def _binary(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    spatial = shape[:-1] if len(shape) > 2 else shape
    ids = _coarse(rng, spatial, 2) if len(shape) > 2 else rng.integers(0, 2, shape)
    return np.array(np.broadcast_to(ids.reshape(*spatial, *[1] * (len(shape) - len(spatial))), shape), np.float32)


def _stretch(grid: Array, shape: tuple[int, ...], axes: range) -> Array:
    """Repeat the cells of a coarse grid until it has `shape`."""
    for axis in axes:
        places = np.arange(shape[axis]) * grid.shape[axis] // shape[axis]
        grid = np.asarray(np.take(grid, places, axis=axis))
    return np.asarray(grid)


def _tokens(rng: np.random.Generator, x: Array, labels: Array, vocabulary: int) -> Array:
    """Move a share of each row's tokens to the nearest of its class: those with its remainder, about as frequent."""
    kinds = labels.astype(int) if np.issubdtype(labels.dtype, np.integer) else (labels > 0.5).astype(int)
    classes = int(kinds.max()) + 1
    own_rest = kinds.reshape(-1, *[1] * (x.ndim - 1))
    own = x - x % classes + own_rest
    own = np.where(own < vocabulary, own, own_rest % vocabulary)
    return np.asarray(np.where(rng.random(x.shape) < TOKEN_SHARE, own, x), x.dtype)


def _ids(shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Arguments of `integers` for one class an example."""
    return shape[-1], shape[:-1]
