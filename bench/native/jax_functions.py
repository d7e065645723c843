"""What a network in JAX is written with: these functions are copied into the program that uses them.

All take images with channels last, as Keras does. `weights` is the dict of a layer's arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def dense(x: jax.Array, weights: Mapping[str, jax.Array]) -> jax.Array:
    """x · kernel + bias."""
    y = x @ weights["kernel"]
    return y + weights["bias"] if "bias" in weights else y


def conv(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> jax.Array:
    """Convolution of one to three dimensions; the kernel is (…, channels / groups, filters)."""
    space = "DHW"[-len(strides) :]
    numbers = (f"N{space}C", f"{space}IO", f"N{space}C")
    y = lax.conv_general_dilated(x, weights["kernel"], strides, padding, None, dilation, numbers, groups)
    return y + weights["bias"] if "bias" in weights else y


def batch_norm(
    x: jax.Array,
    params: Mapping[str, jax.Array],
    state: Mapping[str, jax.Array],
    training: bool,
    momentum: float,
    epsilon: float,
) -> tuple[jax.Array, Mapping[str, jax.Array]]:
    """Normalise over all axes but the last, by the batch in training, else by the moving statistics."""
    weights = {**params, **state}
    mean, variance = weights["moving_mean"], weights["moving_variance"]
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
        state = {
            **state,
            "moving_mean": momentum * state["moving_mean"] + (1 - momentum) * mean,
            "moving_variance": momentum * state["moving_variance"] + (1 - momentum) * variance,
        }
    scale = lax.rsqrt(variance + epsilon) * weights.get("gamma", 1.0)
    return x * scale + (weights.get("beta", 0.0) - mean * scale), state


def max_pool(x: jax.Array, size: Sequence[int], strides: Sequence[int], padding: str) -> jax.Array:
    """The largest value of each window."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *size, 1), (1, *strides, 1), padding)


def flatten(x: jax.Array) -> jax.Array:
    """All axes but the batch in one."""
    return x.reshape(x.shape[0], -1)


def dropout(x: jax.Array, rate: float, training: bool, key: Any) -> jax.Array:
    """In training, set a share of `rate` of the values to 0 and scale the others up."""
    if not training or rate == 0:
        return x
    kept = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0)


def sparse_categorical_crossentropy(targets: jax.Array, logits: jax.Array) -> jax.Array:
    """Mean of the negative logarithm of the probability of each class id."""
    targets = targets.reshape(logits.shape[:-1]).astype(int)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1))


def mean_squared_error(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """Mean of the squares of the differences."""
    return jnp.mean((outputs - targets) ** 2)


def sgd(
    params: Any, gradients: Any, state: Any, learning_rate: float, momentum: float, nesterov: bool
) -> tuple[Any, Any]:
    """Stochastic gradient descent; the state has the velocity."""
    if momentum == 0:
        return jax.tree.map(lambda p, g: p - learning_rate * g, params, gradients), state
    velocity = jax.tree.map(lambda v, g: momentum * v - learning_rate * g, state["velocity"], gradients)
    step = velocity
    if nesterov:
        step = jax.tree.map(lambda v, g: momentum * v - learning_rate * g, velocity, gradients)
    return jax.tree.map(lambda p, s: p + s, params, step), {**state, "velocity": velocity}
