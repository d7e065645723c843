"""What a network in TensorFlow is written with: these functions are copied into the program that uses them.

All take images with channels last, as Keras does. `weights` is the dict of a layer's variables. `jax_functions` has
functions of the same names and arguments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def dense(x: tf.Tensor, weights: Mapping[str, tf.Variable]) -> tf.Tensor:
    """x · kernel + bias."""
    kernel = weights["kernel"]
    y = tf.matmul(x, kernel) if x.shape.rank == 2 else tf.tensordot(x, kernel, 1)
    return tf.nn.bias_add(y, weights["bias"]) if "bias" in weights else y


def einsum_dense(x: tf.Tensor, weights: Mapping[str, tf.Variable], equation: str) -> tf.Tensor:
    """The product that an equation of einsum describes, plus bias."""
    y = tf.einsum(equation, x, weights["kernel"])
    return y + weights["bias"] if "bias" in weights else y


def embedding(ids: tf.Tensor, table: tf.Variable) -> tf.Tensor:
    """A row of the table for each id."""
    return tf.gather(table, tf.cast(ids, tf.int32))


def conv(
    x: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> tf.Tensor:
    """Convolution of one to three dimensions; the kernel is (…, channels / groups, filters)."""
    kernel = weights["kernel"]
    if groups == 1:
        y = tf.nn.convolution(x, kernel, strides, padding, dilations=dilation)
    else:
        # TensorFlow has no gradient of a grouped convolution on a CPU.
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
        y = tf.concat([tf.nn.convolution(p, k, strides, padding, dilations=dilation) for p, k in parts], -1)
    return tf.nn.bias_add(y, weights["bias"]) if "bias" in weights else y


def depthwise_conv(
    x: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int] | None = None,
) -> tf.Tensor:
    """Convolution of each channel by itself; the kernel is (…, channels, multiplier)."""
    kernel, flat = weights["kernel"], len(strides) == 1
    if flat:
        x, kernel = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0)
        strides, dilation = (*strides, *strides), (1, *dilation) if dilation else None
    y = tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), padding, dilations=dilation)
    y = tf.squeeze(y, [1]) if flat else y
    return tf.nn.bias_add(y, weights["bias"]) if "bias" in weights else y


def conv_transpose(
    x: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    strides: Sequence[int],
    padding: str,
    size: Sequence[int],
    dilation: Sequence[int] | None = None,
) -> tf.Tensor:
    """The gradient of a convolution to its input, of shape `size`; the kernel is (…, filters, channels)."""
    kernel = weights["kernel"]
    shape = (tf.shape(x)[0], *size, kernel.shape[-2])
    y = tf.nn.conv_transpose(x, kernel, shape, strides, padding, dilations=dilation)
    return tf.nn.bias_add(y, weights["bias"]) if "bias" in weights else y


def batch_norm(
    x: tf.Tensor,
    params: Mapping[str, tf.Variable],
    state: Mapping[str, tf.Variable],
    training: bool,
    momentum: float,
    epsilon: float,
) -> tuple[tf.Tensor, Mapping[str, Any]]:
    """Normalise over all axes but the last, by the batch in training, else by the moving statistics."""
    weights = {**params, **state}
    channels = x.shape[-1]
    gamma = weights.get("gamma", tf.ones(channels, x.dtype))
    beta = weights.get("beta", tf.zeros(channels, x.dtype))
    mean, variance = weights["moving_mean"], weights["moving_variance"]
    # The fused operation takes images, not in float64, and no smaller epsilon.
    if x.shape.rank == 4 and x.dtype != tf.float64 and epsilon >= 1.001e-5:
        fused = tf.compat.v1.nn.fused_batch_norm
        if not training:
            return fused(x, gamma, beta, mean, variance, epsilon, is_training=False)[0], state
        y, mean, variance = fused(x, gamma, beta, epsilon=epsilon)
        # It returns the unbiased variance.
        count = tf.cast(tf.size(x) // channels, x.dtype)
        variance *= (count - 1) / count
    else:
        if training:
            mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
        y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
    if training:
        state = {
            **state,
            "moving_mean": momentum * state["moving_mean"] + (1 - momentum) * mean,
            "moving_variance": momentum * state["moving_variance"] + (1 - momentum) * variance,
        }
    return y, state


def layer_norm(x: tf.Tensor, weights: Mapping[str, tf.Variable], axes: Sequence[int], epsilon: float) -> tf.Tensor:
    """Normalise each example over the given axes."""
    shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    mean, variance = tf.nn.moments(x, axes, keepdims=True)
    gamma = tf.reshape(weights["gamma"], shape) if "gamma" in weights else None
    beta = tf.reshape(weights["beta"], shape) if "beta" in weights else None
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def group_norm(x: tf.Tensor, weights: Mapping[str, tf.Variable], groups: int, epsilon: float) -> tf.Tensor:
    """Normalise each example over space and the channels of a group."""
    per_group = [groups, x.shape[-1] // groups]
    grouped = tf.reshape(x, tf.concat([tf.shape(x)[:-1], per_group], 0))
    mean, variance = tf.nn.moments(grouped, [*range(1, x.shape.rank - 1), x.shape.rank], keepdims=True)
    gamma = tf.reshape(weights["gamma"], per_group) if "gamma" in weights else None
    beta = tf.reshape(weights["beta"], per_group) if "beta" in weights else None
    return tf.reshape(tf.nn.batch_normalization(grouped, mean, variance, beta, gamma, epsilon), tf.shape(x))


def rms_norm(x: tf.Tensor, weights: Mapping[str, tf.Variable], axes: Sequence[int], epsilon: float) -> tf.Tensor:
    """Divide by the root of the mean square over the given axes."""
    shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(x), axes, keepdims=True) + epsilon)
    return x * inverse * tf.reshape(weights["scale"], shape)


def unit_norm(x: tf.Tensor, axes: Sequence[int]) -> tf.Tensor:
    """Divide by the length over the given axes."""
    return x * tf.minimum(tf.math.rsqrt(tf.reduce_sum(tf.square(x), axes, keepdims=True)), 1e12)


def standardize(x: tf.Tensor, mean: Any, variance: Any) -> tf.Tensor:
    """Shift and scale by a mean and a variance that are known."""
    return (x - mean) / tf.maximum(tf.sqrt(tf.convert_to_tensor(variance, x.dtype)), 1e-7)


def local_response_norm(x: tf.Tensor, radius: int, bias: float, alpha: float, beta: float) -> tf.Tensor:
    """Divide by a power of the sum of squares over neighbouring channels."""
    return tf.nn.local_response_normalization(x, radius, bias, alpha, beta)


def max_pool(x: tf.Tensor, size: Sequence[int], strides: Sequence[int], padding: str) -> tf.Tensor:
    """The largest value of each window."""
    return tf.nn.max_pool(x, size, strides, padding)


def average_pool(x: tf.Tensor, size: Sequence[int], strides: Sequence[int], padding: str) -> tf.Tensor:
    """The mean of each window, of the values that are not padding."""
    return tf.nn.avg_pool(x, size, strides, padding)


def flatten(x: tf.Tensor) -> tf.Tensor:
    """All axes but the batch in one."""
    return reshape(x, (math.prod(x.shape[1:]) if None not in x.shape[1:] else -1,))


def reshape(x: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Another shape of each example."""
    return tf.reshape(x, (tf.shape(x)[0] if -1 in shape else -1, *shape))


def fold_time(x: tf.Tensor) -> tf.Tensor:
    """Make each step of time an example: (N, T, …) → (N · T, …)."""
    return tf.reshape(x, (-1, *x.shape[2:]))


def unfold_time(x: tf.Tensor, steps: int) -> tf.Tensor:
    """Undo `fold_time`."""
    return tf.reshape(x, (-1, steps, *x.shape[1:]))


def upsample(x: tf.Tensor, size: Sequence[int], method: str = "nearest") -> tf.Tensor:
    """Make space larger by whole factors."""
    if method == "nearest":
        for axis, factor in enumerate(size, start=1):
            x = tf.repeat(x, factor, axis) if factor > 1 else x
        return x
    return tf.image.resize(x, [side * factor for side, factor in zip(x.shape[1:-1], size, strict=True)], method)


def relu(
    x: tf.Tensor, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0
) -> tf.Tensor:
    """ReLU that starts at a threshold, ends at a value and has a slope below."""
    y = tf.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else tf.minimum(y, max_value)


def dropout(x: tf.Tensor, rate: float, training: bool, key: Any = None, shared: Sequence[int] = ()) -> tf.Tensor:
    """In training, set a share of `rate` of the values to 0 and scale the others up.

    What is dropped is the same all along the axes `shared`.
    """
    if not training or rate == 0:
        return x
    shape = [1 if axis in shared else tf.shape(x)[axis] for axis in range(x.shape.rank)] if shared else None
    return tf.nn.dropout(x, rate, noise_shape=shape)


def gaussian_noise(x: tf.Tensor, stddev: float, training: bool, key: Any = None) -> tf.Tensor:
    """In training, add normal noise."""
    return x + tf.random.normal(tf.shape(x), 0.0, stddev) if training else x


def gaussian_dropout(x: tf.Tensor, rate: float, training: bool, key: Any = None) -> tf.Tensor:
    """In training, multiply by normal noise around 1."""
    return x * tf.random.normal(tf.shape(x), 1.0, math.sqrt(rate / (1 - rate))) if training else x


def lstm(
    x: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    sequences: bool = False,
    backwards: bool = False,
    initial: Sequence[tf.Tensor] | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Long short-term memory, gates in the order input, forget, cell, output.

    Returns:
        The outputs of all steps or of the last, in the order of computation; the last output; the last cell state.
    """
    recurrent = tf.convert_to_tensor(weights["recurrent_kernel"])

    def step(z: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        h, c = states
        i, f, g, o = tf.split(z + tf.matmul(h, recurrent), 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    zeros = tf.zeros((tf.shape(x)[0], recurrent.shape[0]), x.dtype)
    outputs, (h, c) = recur(step, dense(x, weights), initial or (zeros, zeros), sequences, backwards)
    return outputs, h, c


def gru(
    x: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    sequences: bool = False,
    backwards: bool = False,
    initial: Sequence[tf.Tensor] | None = None,
    reset_after: bool = True,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gated recurrent unit, gates in the order update, reset, candidate.

    With `reset_after` the reset gate is applied after the product with the recurrent kernel, as cuDNN does, and the
    bias has two rows, the second for that product.

    Returns:
        The outputs of all steps or of the last, in the order of computation; the last output.
    """
    recurrent = tf.convert_to_tensor(weights["recurrent_kernel"])
    units = recurrent.shape[0]
    bias = tf.zeros((2 if reset_after else 1, 3 * units), x.dtype)
    bias = tf.reshape(weights.get("bias", bias), (-1, 3 * units))

    def step(z: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor]:
        (h,) = states
        gates, candidate = tf.split(z, [2 * units, units], -1)
        if reset_after:
            gates_of_state, from_state = tf.split(tf.matmul(h, recurrent) + bias[1], [2 * units, units], -1)
            update, reset = tf.split(tf.sigmoid(gates + gates_of_state), 2, -1)
            candidate = tf.tanh(candidate + reset * from_state)
        else:
            update, reset = tf.split(tf.sigmoid(gates + tf.matmul(h, recurrent[:, : 2 * units])), 2, -1)
            candidate = tf.tanh(candidate + tf.matmul(reset * h, recurrent[:, 2 * units :]))
        return (update * h + (1 - update) * candidate,)

    zeros = tf.zeros((tf.shape(x)[0], units), x.dtype)
    inputs = tf.tensordot(x, weights["kernel"], 1) + bias[0]
    outputs, (h,) = recur(step, inputs, initial or (zeros,), sequences, backwards)
    return outputs, h


def simple_rnn(
    x: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    sequences: bool = False,
    backwards: bool = False,
    initial: Sequence[tf.Tensor] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The recurrence h = tanh(x · kernel + bias + h · recurrent kernel).

    Returns:
        The outputs of all steps or of the last, in the order of computation; the last output.
    """
    recurrent = tf.convert_to_tensor(weights["recurrent_kernel"])

    def step(z: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor]:
        return (tf.tanh(z + tf.matmul(states[0], recurrent)),)

    zeros = tf.zeros((tf.shape(x)[0], recurrent.shape[0]), x.dtype)
    outputs, (h,) = recur(step, dense(x, weights), initial or (zeros,), sequences, backwards)
    return outputs, h


def recur(
    step: Any, inputs: tf.Tensor, states: Sequence[tf.Tensor], sequences: bool, backwards: bool
) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
    """Run a step over the second axis: unrolled where that is short, else as a loop of the graph.

    Args:
        step: from an input and the states to the new states, of which the first is the output.
        inputs: (N, T, …).
        states: the first ones.
        sequences: whether to return the outputs of all steps.
        backwards: whether to begin with the last step.
    """
    by_time = tf.transpose(inputs, (1, 0, 2))
    length, states = inputs.shape[1], tuple(states)
    if length is not None and length <= 32:
        outputs = []
        for z in tf.unstack(by_time)[:: -1 if backwards else 1]:
            states = step(z, states)
            outputs.append(states[0])
        return tf.stack(outputs, 1) if sequences else states[0], states
    by_time = tf.reverse(by_time, [0]) if backwards else by_time
    steps = tf.shape(by_time)[0]
    read = tf.TensorArray(inputs.dtype, steps).unstack(by_time)
    written = tf.TensorArray(inputs.dtype, steps if sequences else 0, element_shape=states[0].shape)

    def body(time: tf.Tensor, written: Any, states: Any) -> Any:
        states = step(read.read(time), states)
        return time + 1, written.write(time, states[0]) if sequences else written, states

    _, written, states = tf.while_loop(
        lambda time, *_: time < steps, body, (0, written, states), maximum_iterations=steps
    )
    if not sequences:
        return states[0], states
    outputs = tf.transpose(written.stack(), (1, 0, 2))
    return tf.ensure_shape(outputs, (inputs.shape[0], length, states[0].shape[-1])), states


def attention(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    mask: tf.Tensor | None = None,
    causal: bool = False,
    rate: float = 0.0,
    training: bool = False,
    random: Any = None,
) -> tf.Tensor:
    """Scaled dot-product attention of (N, T, heads, size), with dropout of the weights in training.

    Args:
        query: what asks.
        key: what is compared with it.
        value: what is averaged.
        mask: (N, T, S) or (N, heads, T, S), true where attention is allowed.
        causal: whether a position attends to none after it.
        rate: of dropout.
        training: whether to drop.
        random: nothing; TensorFlow's dropout has a state.
    """
    scores = tf.einsum("btnh,bsnh->bnts", query / math.sqrt(query.shape[-1]), key)
    if mask is not None:
        mask = tf.cast(mask if mask.shape.rank == 4 else mask[:, None], tf.bool)
    if causal:
        below = tf.range(tf.shape(scores)[-2])[:, None] >= tf.range(tf.shape(scores)[-1])
        mask = below if mask is None else mask & below
    scores = scores if mask is None else tf.where(mask, scores, -1e9)
    weights = dropout(tf.nn.softmax(scores), rate, training, random)
    return tf.einsum("bnts,bsnh->btnh", weights, value)


def multi_head_attention(
    query: tf.Tensor,
    value: tf.Tensor,
    key: tf.Tensor,
    weights: Mapping[str, tf.Variable],
    mask: tf.Tensor | None = None,
    causal: bool = False,
    rate: float = 0.0,
    training: bool = False,
    random: Any = None,
) -> tf.Tensor:
    """Attention of several heads, between a projection of each input and one of the output."""

    def project(x: tf.Tensor, name: str, equation: str = "btd,dnh->btnh") -> tf.Tensor:
        y = tf.einsum(equation, x, weights[f"{name}_kernel"])
        return y + weights[f"{name}_bias"] if f"{name}_bias" in weights else y

    heads = project(query, "query"), project(key, "key"), project(value, "value")
    return project(attention(*heads, mask, causal, rate, training, random), "output", "btnh,nhd->btd")


def sparse_categorical_crossentropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean of the negative logarithm of the probability of each class id."""
    targets = tf.cast(tf.reshape(targets, tf.shape(logits)[:-1]), tf.int32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))


def categorical_crossentropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean of the cross-entropy between probabilities and logits of classes."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(tf.cast(targets, logits.dtype), logits))


def binary_crossentropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean of the cross-entropy between probabilities and logits of yes or no."""
    targets = tf.cast(tf.reshape(targets, tf.shape(logits)), logits.dtype)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def sparse_categorical_crossentropy_of_probabilities(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The same of probabilities, which are kept away from 0 and 1 by 1e-7."""
    return sparse_categorical_crossentropy(targets, tf.math.log(tf.clip_by_value(outputs, 1e-7, 1 - 1e-7)))


def categorical_crossentropy_of_probabilities(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The same of probabilities, which are kept away from 0 and 1 by 1e-7."""
    outputs = outputs / tf.reduce_sum(outputs, -1, keepdims=True)
    logarithms = tf.math.log(tf.clip_by_value(outputs, 1e-7, 1 - 1e-7))
    return -tf.reduce_mean(tf.reduce_sum(tf.cast(targets, outputs.dtype) * logarithms, -1))


def binary_crossentropy_of_probabilities(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The same of probabilities, which are kept away from 0 and 1 by 1e-7."""
    targets = tf.cast(tf.reshape(targets, tf.shape(outputs)), outputs.dtype)
    outputs = tf.clip_by_value(outputs, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(targets * tf.math.log(outputs) + (1 - targets) * tf.math.log(1 - outputs))


def mean_squared_error(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Mean of the squares of the differences."""
    return tf.reduce_mean(tf.math.squared_difference(outputs, tf.reshape(targets, tf.shape(outputs))))


def mean_absolute_error(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Mean of the sizes of the differences."""
    return tf.reduce_mean(tf.abs(outputs - tf.reshape(targets, tf.shape(outputs))))


def huber(targets: tf.Tensor, outputs: tf.Tensor, delta: float) -> tf.Tensor:
    """Mean of half the squares of differences up to `delta`, and of their sizes beyond."""
    size = tf.abs(outputs - tf.reshape(targets, tf.shape(outputs)))
    return tf.reduce_mean(tf.where(size <= delta, 0.5 * tf.square(size), delta * size - 0.5 * delta**2))


def smooth(targets: tf.Tensor, share: float) -> tf.Tensor:
    """Probabilities of classes, of which a share is spread over all classes."""
    return targets * (1 - share) + share / targets.shape[-1]


def smooth_binary(targets: tf.Tensor, share: float) -> tf.Tensor:
    """Probabilities of yes, drawn towards a half by a share."""
    return tf.cast(targets, tf.float32) * (1 - share) + 0.5 * share


def squares(params: Mapping[str, Mapping[str, tf.Variable]], places: Sequence[tuple[str, str]]) -> tf.Tensor:
    """Sum of the squares of all numbers in the variables at these places."""
    return 2 * tf.add_n([tf.nn.l2_loss(params[layer][name]) for layer, name in places])


def sizes(params: Mapping[str, Mapping[str, tf.Variable]], places: Sequence[tuple[str, str]]) -> tf.Tensor:
    """Sum of the sizes of all numbers in the variables at these places."""
    return tf.add_n([tf.reduce_sum(tf.abs(params[layer][name])) for layer, name in places])


def clip_values(gradients: Any, limit: float) -> Any:
    """Every number of a gradient within the limit."""
    return tf.nest.map_structure(lambda g: tf.clip_by_value(tf.convert_to_tensor(g), -limit, limit), gradients)


def clip_each_norm(gradients: Any, limit: float) -> Any:
    """The gradient of each weight no longer than the limit."""
    return tf.nest.map_structure(lambda g: tf.clip_by_norm(tf.convert_to_tensor(g), limit), gradients)


def clip_global_norm(gradients: Any, limit: float) -> Any:
    """All gradients together no longer than the limit."""
    clipped, _ = tf.clip_by_global_norm(list(map(tf.convert_to_tensor, tf.nest.flatten(gradients))), limit)
    return tf.nest.pack_sequence_as(gradients, clipped)


def sgd(params: Any, gradients: Any, state: Any, learning_rate: float, momentum: float, nesterov: bool) -> None:
    """Stochastic gradient descent; the state has the velocity."""
    if momentum == 0:
        for parameter, gradient in by_variable(params, gradients):
            parameter.assign_sub(learning_rate * gradient)
        return
    for parameter, gradient, velocity in by_variable(params, gradients, state["velocity"]):
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=parameter.handle,
            accum=velocity.handle,
            lr=tf.convert_to_tensor(learning_rate, gradient.dtype),
            grad=gradient,
            momentum=momentum,
            use_nesterov=nesterov,
        )


def adam(
    params: Any, gradients: Any, state: Any, learning_rate: float, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """Adam; the state has the number of steps and the moving means of the gradients and of their squares."""
    steps = tf.cast(state["steps"], tf.nest.flatten(params)[0].dtype)
    for parameter, gradient, mean, square in by_variable(params, gradients, state["mean"], state["square"]):
        tf.raw_ops.ResourceApplyAdam(
            var=parameter.handle,
            m=mean.handle,
            v=square.handle,
            beta1_power=beta_1**steps,
            beta2_power=beta_2**steps,
            lr=learning_rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
            grad=gradient,
        )


def adamw(
    params: Any,
    gradients: Any,
    state: Any,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> None:
    """Adam after every weight has lost a share of itself."""
    for parameter in tf.nest.flatten(params):
        parameter.assign_sub(parameter * weight_decay * learning_rate)
    adam(params, gradients, state, learning_rate, beta_1, beta_2, epsilon)


def rmsprop(
    params: Any, gradients: Any, state: Any, learning_rate: float, rho: float, momentum: float, epsilon: float
) -> None:
    """RMSprop; the state has the moving mean of the squares of the gradients, and with momentum the velocity."""
    for _, gradient, square in by_variable(params, gradients, state["square"]):
        square.assign(rho * square + (1 - rho) * tf.square(gradient))
    if momentum == 0:
        for parameter, gradient, square in by_variable(params, gradients, state["square"]):
            parameter.assign_sub(learning_rate * gradient * tf.math.rsqrt(square + epsilon))
        return
    slots = state["square"], state["velocity"]
    for parameter, gradient, square, velocity in by_variable(params, gradients, *slots):
        velocity.assign(momentum * velocity + learning_rate * gradient * tf.math.rsqrt(square + epsilon))
        parameter.assign_sub(velocity)


def by_variable(params: Any, gradients: Any, *slots: Any) -> Any:
    """Each variable with its gradient, as a dense tensor, and its slots."""
    gradients = map(tf.convert_to_tensor, tf.nest.flatten(gradients))
    return zip(tf.nest.flatten(params), gradients, *map(tf.nest.flatten, slots), strict=True)
