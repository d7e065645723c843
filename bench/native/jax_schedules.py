"""Learning rate schedules in JAX: copied into the program that uses them, as `jax_functions` are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp


def exponential_decay(updates: jax.Array, initial: float, steps: float, rate: float, staircase: bool) -> jax.Array:
    """The rate falls by a factor in a number of updates, gradually or in steps of a staircase."""
    passed = updates / steps
    return initial * rate ** (jnp.floor(passed) if staircase else passed)


def inverse_time_decay(updates: jax.Array, initial: float, steps: float, rate: float, staircase: bool) -> jax.Array:
    """The rate divided by what grows with the number of updates."""
    passed = updates / steps
    return initial / (1 + rate * (jnp.floor(passed) if staircase else passed))


def polynomial_decay(
    updates: jax.Array, initial: float, steps: float, end: float, power: float, cycle: bool
) -> jax.Array:
    """From the initial rate to the last one by a power of what is left; in cycles, each longer than that before."""
    whole = steps * jnp.maximum(1.0, jnp.ceil(updates / steps)) if cycle else steps
    left = 1 - jnp.minimum(updates, whole) / whole
    return (initial - end) * left**power + end


def piecewise_constant(updates: jax.Array, boundaries: Sequence[float], values: Sequence[float]) -> jax.Array:
    """One value up to each boundary, and one beyond the last."""
    return jnp.asarray(values)[jnp.searchsorted(jnp.asarray(boundaries), updates)]


def cosine_decay(updates: jax.Array, initial: float, steps: float, alpha: float) -> jax.Array:
    """From the initial rate to a share of it by half a cosine (Loshchilov and Hutter, 2017)."""
    wave = 0.5 * (1 + jnp.cos(math.pi * jnp.minimum(updates, steps) / steps))
    return initial * ((1 - alpha) * wave + alpha)


def warm_cosine_decay(
    updates: jax.Array, initial: float, steps: float, alpha: float, target: float, warm_up: float
) -> jax.Array:
    """A line from the initial rate to the target, and then the decay by a cosine."""
    rising = initial + (target - initial) * updates / warm_up
    return jnp.where(updates < warm_up, rising, cosine_decay(updates - warm_up, target, steps, alpha))
