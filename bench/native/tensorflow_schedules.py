"""Learning rate schedules in TensorFlow: copied into the program that uses them, as `tensorflow_functions` are.

`updates` is a float.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf


def exponential_decay(updates: tf.Tensor, initial: float, steps: float, rate: float, staircase: bool) -> tf.Tensor:
    """The rate falls by a factor in a number of updates, gradually or in steps of a staircase."""
    passed = updates / steps
    return initial * rate ** (tf.floor(passed) if staircase else passed)


def inverse_time_decay(updates: tf.Tensor, initial: float, steps: float, rate: float, staircase: bool) -> tf.Tensor:
    """The rate divided by what grows with the number of updates."""
    passed = updates / steps
    return initial / (1 + rate * (tf.floor(passed) if staircase else passed))


def polynomial_decay(
    updates: tf.Tensor, initial: float, steps: float, end: float, power: float, cycle: bool
) -> tf.Tensor:
    """From the initial rate to the last one by a power of what is left; in cycles, each longer than that before."""
    whole = steps * tf.maximum(1.0, tf.math.ceil(updates / steps)) if cycle else steps
    left = 1 - tf.minimum(updates, whole) / whole
    return (initial - end) * left**power + end


def piecewise_constant(updates: tf.Tensor, boundaries: Sequence[float], values: Sequence[float]) -> tf.Tensor:
    """One value up to each boundary, and one beyond the last."""
    after = tf.searchsorted(tf.constant(boundaries, updates.dtype), [updates])[0]
    return tf.gather(tf.constant(values, updates.dtype), after)


def cosine_decay(updates: tf.Tensor, initial: float, steps: float, alpha: float) -> tf.Tensor:
    """From the initial rate to a share of it by half a cosine (Loshchilov and Hutter, 2017)."""
    wave = 0.5 * (1 + tf.cos(math.pi * tf.minimum(updates, steps) / steps))
    return initial * ((1 - alpha) * wave + alpha)


def warm_cosine_decay(
    updates: tf.Tensor, initial: float, steps: float, alpha: float, target: float, warm_up: float
) -> tf.Tensor:
    """A line from the initial rate to the target, and then the decay by a cosine."""
    rising = initial + (target - initial) * updates / warm_up
    falling = cosine_decay(updates - warm_up, target, steps, alpha)
    return tf.where(updates < warm_up, rising, falling)
