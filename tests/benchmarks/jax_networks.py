"""Networks of the zoo as one would write them by hand with `jax.lax`, on lists of arrays: nothing of Anatomy in it.

Each function takes the trained weights in Keras's order, the moving statistics in Keras's order, a batch, and whether
it trains; it returns the logits and the new moving statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Arrays = Sequence[Any]


def _conv(x: Any, kernel: Any, stride: int = 1, padding: Any = "SAME") -> Any:
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def vgg11(weights: Arrays, statistics: Arrays, x: Any, training: bool) -> tuple[Any, Arrays]:
    """VGG-11 without dropout."""
    rest = iter(weights)
    for convolutions in (1, 1, 2, 2, 2):
        for _ in range(convolutions):
            x = jnp.maximum(_conv(x, next(rest)) + next(rest), 0)
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = x.reshape(len(x), -1)
    for _ in range(2):
        x = jnp.maximum(x @ next(rest) + next(rest), 0)
    return x @ next(rest) + next(rest), statistics


def resnet20(weights: Arrays, statistics: Arrays, x: Any, training: bool) -> tuple[Any, Arrays]:
    """ResNet-20 for CIFAR-10."""
    rest, moving, moved = iter(weights), iter(statistics), []

    def norm(x: Any) -> Any:
        gamma, beta, mean, variance = next(rest), next(rest), next(moving), next(moving)
        if training:
            batch_mean = x.mean((0, 1, 2))
            batch_variance = ((x - batch_mean) ** 2).mean((0, 1, 2))
            moved.extend([0.99 * mean + 0.01 * batch_mean, 0.99 * variance + 0.01 * batch_variance])
            mean, variance = batch_mean, batch_variance
        scale = gamma * lax.rsqrt(variance + 1e-3)
        return x * scale + (beta - mean * scale)

    x = jnp.maximum(norm(_conv(x, next(rest))), 0)
    for stage in range(3):
        for block in range(3):
            stride = 2 if stage and not block else 1
            y = jnp.maximum(norm(_conv(x, next(rest), stride, [(1, 1), (1, 1)])), 0)
            y = norm(_conv(y, next(rest)))
            if stride == 2:
                half = x.shape[-1] // 2
                x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (half, half)))
            x = jnp.maximum(x + y, 0)
    return x.mean((1, 2)) @ next(rest) + next(rest), moved or statistics


def lstm(weights: Arrays, statistics: Arrays, x: Any, training: bool) -> tuple[Any, Arrays]:
    """Three LSTMs of 32 units and a classifier of the last step."""
    *layers, kernel, bias = weights
    h = jnp.swapaxes(x, 0, 1)
    for recurrent in _triples(layers):
        h = _lstm_layer(h, *recurrent)
    return h[-1] @ kernel + bias, statistics


def _lstm_layer(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    def step(carry: Any, z: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[1], len(recurrent)))
    return lax.scan(step, (zeros, zeros), x @ kernel + bias)[1]


def _triples(arrays: Arrays) -> Iterator[tuple[Any, Any, Any]]:
    every = iter(arrays)
    return zip(every, every, every, strict=True)


# Text that builds the Keras model → the network.
NETWORKS = {
    "vgg:depth=11,input_shape=32x32x3,classes=10,dropout=0": vgg11,
    "resnet20": resnet20,
    "lstm": lstm,
}
