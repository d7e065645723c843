"""Programs in JAX or TensorFlow beside the Keras models that they were translated from.

Run as a program, one process a backend, which is that of KERAS_BACKEND:
`python -m tests.bench.native.compare_programs CATALOGUE [NAME…]` prints a line of JSON a model: the deviation of the
outputs, for training of the losses and of the weights, or what was refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import keras
import numpy as np

from anatomy.bench.native.program import Program
from anatomy.bench.native.translate import translate
from anatomy.bench.workload.numpy_initialisers import numpy_initialisers

BACKEND = keras.backend.backend()
STEPS = 5
BATCH = 3


def values_of(inputs: Sequence[Any], rng: np.random.Generator, batch: int) -> list[Any]:
    """Values that every model of the catalogues takes; unknown lengths become 9."""
    values = []
    for tensor in inputs:
        shape = [tensor.shape[0] or batch, *(9 if side is None else side for side in tensor.shape[1:])]
        draw = rng.integers(0, 8, shape).astype("int32") if "int" in tensor.dtype else rng.normal(size=shape)
        values.append(draw.astype(tensor.dtype))
    return values


def shake(model: Any, rng: np.random.Generator) -> None:
    """Move every weight away from its initial value, which hides what is multiplied by 1 or added to 0."""
    kept = [weight for layer in model._flatten_layers() if isinstance(layer, keras.layers.Normalization)
            for weight in layer.weights]  # fmt: skip
    for weight in model.weights:
        if "float" in weight.dtype and not any(weight is other for other in kept):
            value = keras.ops.convert_to_numpy(weight)
            noise = rng.uniform(0.9, 1.1, value.shape) if "variance" in weight.name else 1.0
            weight.assign(value * noise + (0.02 * rng.normal(size=value.shape) if np.isscalar(noise) else 0))


def groups_of(program: Program, convert: Any) -> dict[str, dict[str, dict[str, Any]]]:
    groups: dict[str, dict[str, dict[str, Any]]] = {"params": {}, "state": {}}
    for weight in program.weights:
        group = groups["params" if weight.variable.trainable else "state"]
        group.setdefault(weight.layer, {})[weight.name] = convert(keras.ops.convert_to_numpy(weight.variable).copy())
    return groups


def infer(program: Program, inputs: Sequence[Any]) -> list[Any]:
    names = program.load()
    if BACKEND == "jax":
        import jax

        run = jax.jit(lambda params, state, inputs: names["forward"](params, state, inputs)[0])
        outputs = run(*groups_of(program, jax.numpy.asarray).values(), tuple(inputs))
    else:
        import tensorflow as tf

        network = names["Network"](**groups_of(program, tf.Variable))
        outputs = tf.function(network.infer, autograph=False)(tuple(map(tf.constant, inputs)))
    return [np.asarray(output) for output in outputs]


def train(program: Program, inputs: Sequence[Any], targets: Sequence[Any], steps: int) -> tuple[list[float], Any]:
    names = program.load()
    losses = []
    if BACKEND == "jax":
        import jax

        params, state = groups_of(program, jax.numpy.asarray).values()
        optimizer, step = names["init_optimizer"](params), jax.jit(names["train_step"])
        for _ in range(steps):
            loss, params, state, optimizer = step(
                params, state, optimizer, tuple(inputs), tuple(targets), jax.random.key(0)
            )
            losses.append(float(loss))
        return losses, {"params": params, "state": state}
    import tensorflow as tf

    groups = groups_of(program, tf.Variable)
    function = tf.function(names["Network"](**groups).train_step, autograph=False)
    for _ in range(steps):
        losses.append(float(function(tuple(map(tf.constant, inputs)), tuple(map(tf.constant, targets)))))
    return losses, groups


def deviation(one: Any, other: Any) -> float:
    """The largest difference beside the largest value."""
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    if one.shape != other.shape:
        raise ValueError(f"shape {one.shape} beside {other.shape}")
    return float(np.max(np.abs(one - other), initial=0) / (np.max(np.abs(other), initial=0) + 1e-30))


def compare_outputs(model: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shake(model, rng)
    for layer in model._flatten_layers():
        # Where it saturates, any two models agree.
        if getattr(layer, "activation", None) is keras.activations.softmax:
            layer.activation = keras.activations.linear
    inputs = values_of(model.inputs, rng, BATCH)
    given = keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]
    expected = [np.asarray(output) for output in keras.tree.flatten(model(given, training=False))]
    outputs = infer(translate(model, BACKEND, False), inputs)
    pairs = zip(outputs, expected, strict=True)
    return {"outputs": max(deviation(one, other) for one, other in pairs)}


def compare_weights(model: Any) -> dict[str, Any]:
    """Of a compiled model, after some steps on the same batch."""
    rng = np.random.default_rng(0)
    shake(model, rng)
    for layer in model._flatten_layers():
        # Keras's gradient is 0 where a softmax saturates.
        if getattr(layer, "activation", None) is keras.activations.softmax:
            layer.kernel.assign(0.1 * layer.kernel)
    inputs = values_of(model.inputs, rng, BATCH)
    targets = [_target(loss, output, rng) for loss, output in zip(_losses(model), model.outputs, strict=True)]
    before = {weight.path: keras.ops.convert_to_numpy(weight).copy() for weight in model.weights}
    program = translate(model, BACKEND, True)
    with_loss = [target for target in targets if target is not None]
    losses, groups = train(program, inputs, with_loss, STEPS)
    expected = []
    given = keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]
    for _ in range(STEPS):
        done = model.train_on_batch(given, targets if len(targets) > 1 else targets[0])
        expected.append(float(np.ravel(done)[0]))
    moved = missed = 0.0
    for weight in program.weights:
        group = groups["params" if weight.variable.trainable else "state"]
        after, start = keras.ops.convert_to_numpy(weight.variable), before[weight.variable.path]
        moved = max(moved, float(np.max(np.abs(after - start))))
        missed = max(missed, float(np.max(np.abs(np.asarray(group[weight.layer][weight.name]) - after))))
    # Beside the largest step of a weight.
    return {"losses": deviation(losses, expected), "weights": missed / moved}


def _losses(model: Any) -> list[Any]:
    loss = model.loss
    if isinstance(loss, Mapping):
        return [loss.get(name) for name in model.output_names]
    return list(loss) if isinstance(loss, list | tuple) else [loss]


def _target(loss: Any, output: Any, rng: np.random.Generator) -> Any:
    shape = [BATCH, *(9 if side is None else side for side in output.shape[1:])]
    if loss is None:
        return None
    name = loss if isinstance(loss, str) else loss.name
    if "sparse" in name:
        return rng.integers(0, shape[-1], shape[:-1]).astype("int32")
    if "categorical" in name:
        return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])]
    if "binary" in name:
        return rng.integers(0, 2, shape).astype("float32")
    return rng.normal(size=shape).astype("float32")


def compare(build: Any) -> dict[str, Any]:
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    with numpy_initialisers():
        model = build()
    try:
        return compare_weights(model) if model.compiled else compare_outputs(model)
    except NotImplementedError as error:
        return {"refused": str(error)}


if __name__ == "__main__":
    catalogue = import_module(f"tests.bench.native.{sys.argv[1]}").MODELS
    for name in sys.argv[2:] or catalogue:
        try:
            found = compare(catalogue[name])
        except Exception as error:  # noqa: BLE001  # the other models are compared all the same
            found = {"error": f"{type(error).__name__}: {error}"[:1500]}
        print(json.dumps({"model": name, **found}), flush=True)
