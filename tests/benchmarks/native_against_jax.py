"""Native JAX beside networks written by hand with `jax.lax`: is what Anatomy writes as fast?

    python -m tests.benchmarks.native_against_jax [--mode infer|train] [--batch 16] [--pairs 30] [MODEL…]

Equal weights and inputs, equal outputs; training is SGD with momentum on logits, everything in one `jax.jit` with the
weights donated. Blocks of steps of the two alternate in one process; the figure is the mean ratio of neighbouring
blocks, native by hand-written, with its 95 % interval (Student's t on logarithms). Run it
on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np

from anatomy.bench.native.translate import translate
from anatomy.models import build_any, parse_model
from tests.benchmarks.alternating_blocks import Step, log_ratios
from tests.benchmarks.jax_networks import NETWORKS
from tests.ratios import half_width

RATE, MOMENTUM = 0.01, 0.9


def model_of(text: str, trains: bool) -> Any:
    """The Keras model, compiled for training."""
    spec = parse_model(text)
    model = build_any(spec.model, spec.options)
    if trains:
        model.compile(keras.optimizers.SGD(RATE, momentum=MOMENTUM), "sparse_categorical_crossentropy")
    return model


def native_step(model: Any, x: Any, y: Any, trains: bool) -> Step:
    """A step of the native program."""
    program = translate(model, "jax", trains)
    names = program.load()
    groups: dict[str, dict[str, Any]] = {"params": {}, "state": {}}
    for weight in program.weights:
        group = groups["params" if weight.variable.trainable else "state"]
        group.setdefault(weight.layer, {})[weight.name] = jnp.copy(weight.variable.value)
    if not trains:
        infer = jax.jit(lambda params, state, x: names["forward"](params, state, (x,))[0])
        return partial(infer, groups["params"], groups["state"], x)
    step = jax.jit(names["train_step"], donate_argnums=(0, 1, 2))
    key = jax.random.key(0)
    return _carried(
        lambda params, state, slots: step(params, state, slots, (x,), (y,), key),
        (groups["params"], groups["state"], names["init_optimizer"](groups["params"])),
    )


def written_step(text: str, model: Any, x: Any, y: Any, trains: bool) -> Step:
    """A step of the network that was written by hand."""
    network = NETWORKS[text]
    weights = [jnp.copy(variable.value) for variable in model.trainable_variables]
    moving = [jnp.copy(variable.value) for variable in model.non_trainable_variables if "moving" in variable.name]
    if not trains:
        infer = jax.jit(lambda weights, moving, x: jax.nn.softmax(network(weights, moving, x, False)[0]))
        return partial(infer, weights, moving, x)

    def loss(weights: Any, moving: Any) -> Any:
        logits, moved = network(weights, moving, x, True)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean(), moved

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(weights: Any, moving: Any, velocity: Any) -> Any:
        (value, moved), gradients = jax.value_and_grad(loss, has_aux=True)(weights, moving)
        velocity = [MOMENTUM * v - RATE * g for v, g in zip(velocity, gradients, strict=True)]
        return value, [w + v for w, v in zip(weights, velocity, strict=True)], moved, velocity

    return _carried(step, (weights, moving, [jnp.zeros_like(weight) for weight in weights]))


def _carried(step: Callable[..., Any], carry: tuple[Any, ...]) -> Step:
    """A step that keeps what the last one returned after its loss."""
    held = [carry]

    def run() -> Any:
        value, *rest = step(*held[0])
        held[0] = tuple(rest)
        return value

    return run


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(NETWORKS), help=", ".join(NETWORKS))
    parser.add_argument("--mode", choices=("infer", "train"), default="infer")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=30)
    given = parser.parse_args(arguments)
    trains = given.mode == "train"
    print(f"| model, {given.mode}, batch {given.batch} | native / hand-written | 95 % interval | pairs |")
    print("| --- | --- | --- | --- |")
    for text in given.models:
        model, rng = model_of(text, trains), np.random.default_rng(0)
        x = jnp.asarray(rng.normal(size=(given.batch, *model.input_shape[1:])), "float32")
        y = jnp.asarray(rng.integers(0, 10, given.batch))
        ours, other = native_step(model, x, y, trains), written_step(text, model, x, y, trains)
        first, second = np.ravel(ours()), np.ravel(other())
        assert np.allclose(first, second, rtol=1e-3, atol=1e-5), f"{text}: the two do not compute the same"
        logs = log_ratios(ours, other, given.pairs, jax.block_until_ready)
        mean, half = statistics.fmean(logs), half_width(logs)
        low, high = math.exp(mean - half), math.exp(mean + half)
        print(f"| {text} | {math.exp(mean):.3f} | {low:.3f} to {high:.3f} | {len(logs)} |", flush=True)


if __name__ == "__main__":
    main()
