"""What a network in JAX is written with: these functions are copied into the program that uses them.

All take images with channels last, as Keras does. `weights` is the dict of a layer's arrays. `tensorflow_functions` has
functions of the same names and arguments; `unroll` is JAX's alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def dense(x: jax.Array, weights: Mapping[str, jax.Array]) -> jax.Array:
    """x · kernel + bias."""
    y = x @ weights["kernel"]
    return y + weights["bias"] if "bias" in weights else y


def einsum_dense(x: jax.Array, weights: Mapping[str, jax.Array], equation: str) -> jax.Array:
    """The product that an equation of einsum describes, plus bias."""
    y = jnp.einsum(equation, x, weights["kernel"])
    return y + weights["bias"] if "bias" in weights else y


def embedding(ids: jax.Array, table: jax.Array) -> jax.Array:
    """A row of the table for each id."""
    return table[ids.astype(int)]


def conv(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> jax.Array:
    """Convolution of one to three dimensions; the kernel is (…, channels / groups, filters)."""
    space = "DHW"[-len(strides) :]
    numbers = (f"N{space}C", f"{space}IO", f"N{space}C")
    y = lax.conv_general_dilated(x, weights["kernel"], strides, padding, None, dilation, numbers, groups)
    return y + weights["bias"] if "bias" in weights else y


def depthwise_conv(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int] | None = None,
) -> jax.Array:
    """Convolution of each channel by itself; the kernel is (…, channels, multiplier)."""
    kernel = weights["kernel"]
    *size, channels, multiplier = kernel.shape
    per_channel = {**weights, "kernel": kernel.reshape(*size, 1, channels * multiplier)}
    return conv(x, per_channel, strides, padding, dilation, channels)


def conv_transpose(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    strides: Sequence[int],
    padding: str,
    size: Sequence[int],
    dilation: Sequence[int] | None = None,
) -> jax.Array:
    """The gradient of a convolution to its input, of shape `size`; the kernel is (…, filters, channels)."""
    kernel = weights["kernel"]
    pads = []
    for i, s, k, d, o in zip(x.shape[1:-1], strides, kernel.shape, dilation or [1] * len(size), size, strict=False):
        reach = (k - 1) * d
        total = o - (i - 1) * s - 1 + reach
        before = reach if padding == "VALID" else min((total + 1) // 2, reach)
        pads.append((before, total - before))
    space = "DHW"[-len(strides) :]
    numbers = (f"N{space}C", f"{space}IO", f"N{space}C")
    y = lax.conv_transpose(x, kernel, strides, pads, dilation, numbers, transpose_kernel=True)
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
        # As Flax does by default: one pass over the values.
        mean = jnp.mean(x, axes)
        variance = jnp.maximum(jnp.mean(x * x, axes) - mean * mean, 0)
        state = {
            **state,
            "moving_mean": momentum * state["moving_mean"] + (1 - momentum) * mean,
            "moving_variance": momentum * state["moving_variance"] + (1 - momentum) * variance,
        }
    scale = lax.rsqrt(variance + epsilon) * weights.get("gamma", 1.0)
    return x * scale + (weights.get("beta", 0.0) - mean * scale), state


def layer_norm(x: jax.Array, weights: Mapping[str, jax.Array], axes: Sequence[int], epsilon: float) -> jax.Array:
    """Normalise each example over the given axes."""
    shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    mean, variance = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
    y = (x - mean) * lax.rsqrt(variance + epsilon)
    y = y * weights["gamma"].reshape(shape) if "gamma" in weights else y
    return y + weights["beta"].reshape(shape) if "beta" in weights else y


def group_norm(x: jax.Array, weights: Mapping[str, jax.Array], groups: int, epsilon: float) -> jax.Array:
    """Normalise each example over space and the channels of a group."""
    grouped = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    axes = (*range(1, x.ndim - 1), x.ndim)
    mean, variance = jnp.mean(grouped, axes, keepdims=True), jnp.var(grouped, axes, keepdims=True)
    y = ((grouped - mean) * lax.rsqrt(variance + epsilon)).reshape(x.shape)
    y = y * weights["gamma"] if "gamma" in weights else y
    return y + weights["beta"] if "beta" in weights else y


def rms_norm(x: jax.Array, weights: Mapping[str, jax.Array], axes: Sequence[int], epsilon: float) -> jax.Array:
    """Divide by the root of the mean square over the given axes."""
    shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    return x * lax.rsqrt(jnp.mean(x**2, axes, keepdims=True) + epsilon) * weights["scale"].reshape(shape)


def unit_norm(x: jax.Array, axes: Sequence[int]) -> jax.Array:
    """Divide by the length over the given axes."""
    return x * jnp.minimum(lax.rsqrt(jnp.sum(x**2, axes, keepdims=True)), 1e12)


def standardize(x: jax.Array, mean: Any, variance: Any) -> jax.Array:
    """Shift and scale by a mean and a variance that are known."""
    return (x - jnp.asarray(mean)) / jnp.maximum(jnp.sqrt(jnp.asarray(variance)), 1e-7)


def local_response_norm(x: jax.Array, radius: int, bias: float, alpha: float, beta: float) -> jax.Array:
    """Divide by a power of the sum of squares over neighbouring channels."""
    squares = jnp.pad(x**2, [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    window = sum(squares[..., shift : shift + x.shape[-1]] for shift in range(2 * radius + 1))
    scale = bias + alpha * window
    # Two square roots take less time than a power.
    return x * (lax.rsqrt(scale * jnp.sqrt(scale)) if beta == 0.75 else scale**-beta)


def max_pool(x: jax.Array, size: Sequence[int], strides: Sequence[int], padding: str) -> jax.Array:
    """The largest value of each window."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *size, 1), (1, *strides, 1), padding)


def average_pool(x: jax.Array, size: Sequence[int], strides: Sequence[int], padding: str) -> jax.Array:
    """The mean of each window, of the values that are not padding."""
    window, steps = (1, *size, 1), (1, *strides, 1)
    total = lax.reduce_window(x, 0.0, lax.add, window, steps, padding)
    if padding == "VALID":
        return total / math.prod(size)
    ones = jnp.ones((1, *x.shape[1:-1], 1), x.dtype)
    return total / lax.reduce_window(ones, 0.0, lax.add, window, steps, padding)


def flatten(x: jax.Array) -> jax.Array:
    """All axes but the batch in one."""
    return x.reshape(x.shape[0], -1)


def reshape(x: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Another shape of each example."""
    return x.reshape(x.shape[0], *shape)


def fold_time(x: jax.Array) -> jax.Array:
    """Make each step of time an example: (N, T, …) → (N · T, …)."""
    return x.reshape(-1, *x.shape[2:])


def unfold_time(x: jax.Array, steps: int) -> jax.Array:
    """Undo `fold_time`."""
    return x.reshape(-1, steps, *x.shape[1:])


def upsample(x: jax.Array, size: Sequence[int], method: str = "nearest") -> jax.Array:
    """Make space larger by whole factors."""
    if method == "nearest":
        for axis, factor in enumerate(size, start=1):
            x = jnp.repeat(x, factor, axis) if factor > 1 else x
        return x
    space = [side * factor for side, factor in zip(x.shape[1:-1], size, strict=True)]
    return jax.image.resize(x, (x.shape[0], *space, x.shape[-1]), method)


def relu(
    x: jax.Array, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0
) -> jax.Array:
    """ReLU that starts at a threshold, ends at a value and has a slope below."""
    y = jnp.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else jnp.minimum(y, max_value)


def dropout(x: jax.Array, rate: float, training: bool, key: Any, shared: Sequence[int] = ()) -> jax.Array:
    """In training, set a share of `rate` of the values to 0 and scale the others up.

    What is dropped is the same all along the axes `shared`.
    """
    if not training or rate == 0:
        return x
    shape = [1 if axis in shared else size for axis, size in enumerate(x.shape)]
    kept = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(kept, x / (1 - rate), 0)


def gaussian_noise(x: jax.Array, stddev: float, training: bool, key: Any) -> jax.Array:
    """In training, add normal noise."""
    return x + stddev * jax.random.normal(key, x.shape, x.dtype) if training else x


def gaussian_dropout(x: jax.Array, rate: float, training: bool, key: Any) -> jax.Array:
    """In training, multiply by normal noise around 1."""
    return x * (1 + math.sqrt(rate / (1 - rate)) * jax.random.normal(key, x.shape, x.dtype)) if training else x


def lstm(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    sequences: bool = False,
    backwards: bool = False,
    initial: Sequence[jax.Array] | None = None,
    unroll: bool = False,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Long short-term memory, gates in the order input, forget, cell, output; `unroll` compiles the steps as one.

    Returns:
        The outputs of all steps or of the last, in the order of computation; the last output; the last cell state.
    """
    units = weights["recurrent_kernel"].shape[0]
    inputs, project = _by_steps(x, lambda x: dense(x, weights), unroll)

    def step(carry: Any, x: jax.Array) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(project(x) + h @ weights["recurrent_kernel"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h if sequences else None

    zeros = jnp.zeros((x.shape[0], units), x.dtype)
    (h, c), outputs = lax.scan(step, tuple(initial or (zeros, zeros)), inputs, reverse=backwards, unroll=unroll)
    return h if outputs is None else _in_order(outputs, backwards), h, c


def gru(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    sequences: bool = False,
    backwards: bool = False,
    initial: Sequence[jax.Array] | None = None,
    reset_after: bool = True,
    unroll: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Gated recurrent unit, gates in the order update, reset, candidate; `unroll` compiles the steps as one.

    With `reset_after` the reset gate is applied after the product with the recurrent kernel, as cuDNN does, and the
    bias has two rows, the second for that product.

    Returns:
        The outputs of all steps or of the last, in the order of computation; the last output.
    """
    recurrent = weights["recurrent_kernel"]
    units = recurrent.shape[0]
    bias = weights.get("bias", jnp.zeros((2 if reset_after else 1, 3 * units), x.dtype)).reshape(-1, 3 * units)

    inputs, project = _by_steps(x, lambda x: x @ weights["kernel"] + bias[0], unroll)

    def step(h: jax.Array, x: jax.Array) -> Any:
        gates, candidate = jnp.split(project(x), [2 * units], axis=-1)
        if reset_after:
            from_state = h @ recurrent + bias[1]
            update, reset = jnp.split(jax.nn.sigmoid(gates + from_state[:, : 2 * units]), 2, axis=-1)
            candidate = jnp.tanh(candidate + reset * from_state[:, 2 * units :])
        else:
            update, reset = jnp.split(jax.nn.sigmoid(gates + h @ recurrent[:, : 2 * units]), 2, axis=-1)
            candidate = jnp.tanh(candidate + (reset * h) @ recurrent[:, 2 * units :])
        h = update * h + (1 - update) * candidate
        return h, h if sequences else None

    start = initial[0] if initial else jnp.zeros((x.shape[0], units), x.dtype)
    h, outputs = lax.scan(step, start, inputs, reverse=backwards, unroll=unroll)
    return h if outputs is None else _in_order(outputs, backwards), h


def simple_rnn(
    x: jax.Array,
    weights: Mapping[str, jax.Array],
    sequences: bool = False,
    backwards: bool = False,
    initial: Sequence[jax.Array] | None = None,
    unroll: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """The recurrence h = tanh(x · kernel + bias + h · recurrent kernel); `unroll` compiles the steps as one.

    Returns:
        The outputs of all steps or of the last, in the order of computation; the last output.
    """
    inputs, project = _by_steps(x, lambda x: dense(x, weights), unroll)

    def step(h: jax.Array, x: jax.Array) -> Any:
        h = jnp.tanh(project(x) + h @ weights["recurrent_kernel"])
        return h, h if sequences else None

    start = initial[0] if initial else jnp.zeros((x.shape[0], weights["recurrent_kernel"].shape[0]), x.dtype)
    h, outputs = lax.scan(step, start, inputs, reverse=backwards, unroll=unroll)
    return h if outputs is None else _in_order(outputs, backwards), h


def _by_steps(x: jax.Array, project: Callable[[jax.Array], jax.Array], unroll: bool) -> tuple[jax.Array, Any]:
    """The input with time first, and its projection: of all steps at once, or left to each step of a loop."""
    steps = jnp.swapaxes(x, 0, 1)
    return (project(steps), lambda x: x) if unroll else (steps, project)


def _in_order(outputs: jax.Array, backwards: bool) -> jax.Array:
    """From time first to batch first, the last step of a backward pass last."""
    return jnp.swapaxes(outputs[::-1] if backwards else outputs, 0, 1)


def attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None = None,
    causal: bool = False,
    rate: float = 0.0,
    training: bool = False,
    random: Any = None,
) -> jax.Array:
    """Scaled dot-product attention of (N, T, heads, size), with dropout of the weights in training.

    Args:
        query: what asks.
        key: what is compared with it.
        value: what is averaged.
        mask: (N, T, S) or (N, heads, T, S), true where attention is allowed.
        causal: whether a position attends to none after it.
        rate: of dropout.
        training: whether to drop.
        random: key of the dropout.
    """
    if mask is not None:
        mask = (mask if mask.ndim == 4 else mask[:, None]).astype(bool)
    if key.shape[-1] == value.shape[-1] and not (training and rate):
        return jax.nn.dot_product_attention(query, key, value, mask=mask, is_causal=causal)
    scores = jnp.einsum("btnh,bsnh->bnts", query, key) / math.sqrt(query.shape[-1])
    if causal:
        below = jnp.tril(jnp.ones(scores.shape[-2:], bool))
        mask = below if mask is None else mask & below
    scores = scores if mask is None else jnp.where(mask, scores, -1e9)
    weights = dropout(jax.nn.softmax(scores), rate, training, random)
    return jnp.einsum("bnts,bsnh->btnh", weights, value)


def multi_head_attention(
    query: jax.Array,
    value: jax.Array,
    key: jax.Array,
    weights: Mapping[str, jax.Array],
    mask: jax.Array | None = None,
    causal: bool = False,
    rate: float = 0.0,
    training: bool = False,
    random: Any = None,
) -> jax.Array:
    """Attention of several heads, between a projection of each input and one of the output."""

    def project(x: jax.Array, name: str, equation: str = "btd,dnh->btnh") -> jax.Array:
        y = jnp.einsum(equation, x, weights[f"{name}_kernel"])
        return y + weights[f"{name}_bias"] if f"{name}_bias" in weights else y

    heads = project(query, "query"), project(key, "key"), project(value, "value")
    return project(attention(*heads, mask, causal, rate, training, random), "output", "btnh,nhd->btd")


def sparse_categorical_crossentropy(targets: jax.Array, logits: jax.Array) -> jax.Array:
    """Mean of the negative logarithm of the probability of each class id."""
    targets = targets.reshape(logits.shape[:-1]).astype(int)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1))


def categorical_crossentropy(targets: jax.Array, logits: jax.Array) -> jax.Array:
    """Mean of the cross-entropy between probabilities and logits of classes."""
    return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=-1))


def binary_crossentropy(targets: jax.Array, logits: jax.Array) -> jax.Array:
    """Mean of the cross-entropy between probabilities and logits of yes or no."""
    targets = targets.reshape(logits.shape).astype(logits.dtype)
    # Not with relu, whose gradient at a logit of exactly 0, as of a pixel that is off, is 0 and not a half.
    return jnp.mean(jax.nn.softplus(logits) - logits * targets)


def sparse_categorical_crossentropy_of_probabilities(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """The same of probabilities, which are kept away from 0 and 1 by 1e-7."""
    targets = targets.reshape(outputs.shape[:-1]).astype(int)
    outputs = outputs / jnp.sum(outputs, axis=-1, keepdims=True)
    logarithms = jnp.log(jnp.clip(outputs, 1e-7, 1 - 1e-7))
    return -jnp.mean(jnp.take_along_axis(logarithms, targets[..., None], axis=-1))


def categorical_crossentropy_of_probabilities(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """The same of probabilities, which are kept away from 0 and 1 by 1e-7."""
    outputs = outputs / jnp.sum(outputs, axis=-1, keepdims=True)
    return -jnp.mean(jnp.sum(targets * jnp.log(jnp.clip(outputs, 1e-7, 1 - 1e-7)), axis=-1))


def binary_crossentropy_of_probabilities(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """The same of probabilities, which are kept away from 0 and 1 by 1e-7."""
    targets = targets.reshape(outputs.shape).astype(outputs.dtype)
    outputs = jnp.clip(outputs, 1e-7, 1 - 1e-7)
    return -jnp.mean(targets * jnp.log(outputs) + (1 - targets) * jnp.log(1 - outputs))


def mean_squared_error(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """Mean of the squares of the differences."""
    return jnp.mean((outputs - targets.reshape(outputs.shape)) ** 2)


def mean_absolute_error(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """Mean of the sizes of the differences."""
    return jnp.mean(jnp.abs(outputs - targets.reshape(outputs.shape)))


def huber(targets: jax.Array, outputs: jax.Array, delta: float) -> jax.Array:
    """Mean of half the squares of differences up to `delta`, and of their sizes beyond."""
    size = jnp.abs(outputs - targets.reshape(outputs.shape))
    return jnp.mean(jnp.where(size <= delta, 0.5 * size**2, delta * size - 0.5 * delta**2))


def smooth(targets: jax.Array, share: float) -> jax.Array:
    """Probabilities of classes, of which a share is spread over all classes."""
    return targets * (1 - share) + share / targets.shape[-1]


def smooth_binary(targets: jax.Array, share: float) -> jax.Array:
    """Probabilities of yes, drawn towards a half by a share."""
    return targets * (1 - share) + 0.5 * share


def squares(params: Mapping[str, Mapping[str, jax.Array]], places: Sequence[tuple[str, str]]) -> Any:
    """Sum of the squares of all numbers in the arrays at these places."""
    return sum(jnp.sum(params[layer][name] ** 2) for layer, name in places)


def sizes(params: Mapping[str, Mapping[str, jax.Array]], places: Sequence[tuple[str, str]]) -> Any:
    """Sum of the sizes of all numbers in the arrays at these places."""
    return sum(jnp.sum(jnp.abs(params[layer][name])) for layer, name in places)


def clip_values(gradients: Any, limit: float) -> Any:
    """Every number of a gradient within the limit."""
    return jax.tree.map(lambda g: jnp.clip(g, -limit, limit), gradients)


def clip_each_norm(gradients: Any, limit: float) -> Any:
    """The gradient of each weight no longer than the limit."""
    return jax.tree.map(lambda g: g * (limit / jnp.maximum(jnp.sqrt(jnp.sum(g**2)), limit)), gradients)


def clip_global_norm(gradients: Any, limit: float) -> Any:
    """All gradients together no longer than the limit."""
    length = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradients)))
    return jax.tree.map(lambda g: g * (limit / jnp.maximum(length, limit)), gradients)


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


def adam(
    params: Any, gradients: Any, state: Any, learning_rate: float, beta_1: float, beta_2: float, epsilon: float
) -> tuple[Any, Any]:
    """Adam; the state has the number of steps and the moving means of the gradients and of their squares."""
    steps = state["steps"].astype(float)
    rate = learning_rate * jnp.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
    mean = jax.tree.map(lambda m, g: m + (1 - beta_1) * (g - m), state["mean"], gradients)
    square = jax.tree.map(lambda s, g: s + (1 - beta_2) * (g**2 - s), state["square"], gradients)
    params = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + epsilon), params, mean, square)
    return params, {**state, "mean": mean, "square": square}


def adamw(
    params: Any,
    gradients: Any,
    state: Any,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> tuple[Any, Any]:
    """Adam after every weight has lost a share of itself."""
    params = jax.tree.map(lambda p: p - p * weight_decay * learning_rate, params)
    return adam(params, gradients, state, learning_rate, beta_1, beta_2, epsilon)


def rmsprop(
    params: Any, gradients: Any, state: Any, learning_rate: float, rho: float, momentum: float, epsilon: float
) -> tuple[Any, Any]:
    """RMSprop; the state has the moving mean of the squares of the gradients, and with momentum the velocity."""
    square = jax.tree.map(lambda s, g: rho * s + (1 - rho) * g**2, state["square"], gradients)
    step = jax.tree.map(lambda g, s: learning_rate * g * lax.rsqrt(s + epsilon), gradients, square)
    state = {**state, "square": square}
    if momentum:
        state["velocity"] = step = jax.tree.map(lambda v, s: momentum * v + s, state["velocity"], step)
    return jax.tree.map(lambda p, s: p - s, params, step), state
