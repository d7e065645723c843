"""Weights drawn by numpy instead of by the backend, while a model is built for measuring.

On JAX each initialiser is compiled anew for every weight shape, which costs seconds for a
GoogLeNet and says nothing about its steps. The distributions are Keras's own
(https://keras.io/api/layers/initializers/): variance scaling, normal, truncated normal (redrawn
beyond two standard deviations), uniform and orthogonal. With the same seed, every backend gets the
same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Draw = Callable[[Any, tuple[int, ...]], np.ndarray[Any, Any]]

# Standard deviation of a standard normal cut at ±2, which Keras divides by to keep the variance.
_TRUNCATED_STDDEV = 0.87962566103423978


@contextmanager
def numpy_initialisers(seed: int = 0) -> Iterator[None]:
    """Within the block, Keras's built-in initialisers draw with numpy from `seed`.

    Initialisers that a model defines for itself are left alone.
    """
    import keras

    rng = np.random.default_rng(seed)
    draws: dict[str, Draw] = {
        "VarianceScaling": lambda config, shape: _variance_scaling(rng, config, shape),
        "RandomNormal": lambda c, shape: c.mean + c.stddev * rng.standard_normal(shape, dtype=np.float32),
        "TruncatedNormal": lambda c, shape: c.mean + c.stddev * _truncated_normal(rng, shape),
        "RandomUniform": lambda c, shape: rng.uniform(c.minval, c.maxval, shape),
        "Orthogonal": lambda c, shape: c.gain * _orthogonal(rng, shape),
        "Zeros": lambda _, shape: np.zeros(shape, np.float32),
        "Ones": lambda _, shape: np.ones(shape, np.float32),
    }
    originals = {name: getattr(keras.initializers, name).__call__ for name in draws}
    for name, draw in draws.items():
        getattr(keras.initializers, name).__call__ = _as_initialiser(draw, originals[name])
    try:
        yield
    finally:
        for name, original in originals.items():
            getattr(keras.initializers, name).__call__ = original


def _as_initialiser(draw: Draw, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, shape: tuple[int, ...], dtype: Any = None, **more: Any) -> Any:
        import keras

        if more:
            # A sharded layout: the distribution's own placement must see the original.
            return original(self, shape, dtype=dtype, **more)
        values = draw(self, tuple(int(size) for size in shape))
        return keras.ops.convert_to_tensor(values, dtype=dtype or keras.config.floatx())

    return call


def _variance_scaling(rng: np.random.Generator, config: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    fan_in, fan_out = _fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[config.mode]
    variance = config.scale / max(1.0, fan)
    if config.distribution == "truncated_normal":
        return math.sqrt(variance) / _TRUNCATED_STDDEV * _truncated_normal(rng, shape)
    if config.distribution == "untruncated_normal":
        return math.sqrt(variance) * rng.standard_normal(shape, dtype=np.float32)
    limit = math.sqrt(3 * variance)
    return ((2 * rng.random(shape, dtype=np.float32) - 1) * limit).astype(np.float32)


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Keras's `compute_fans`: the last two axes are channels, the others the receptive field."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    receptive_field = math.prod(shape[:-2])
    return float(shape[-2] * receptive_field), float(shape[-1] * receptive_field)


def _truncated_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    values = rng.standard_normal(shape, dtype=np.float32)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()), dtype=np.float32)
    return values


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Saxe et al. 2013, https://arxiv.org/abs/1312.6120; in float32 also under a bfloat16 policy."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    # The signs make the distribution uniform, as in Keras.
    q *= np.sign(np.diag(r))
    return (q.T if rows < columns else q).reshape(shape).astype(np.float32)
