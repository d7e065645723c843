"""Steps of native programs beside the Keras models that they were translated from.

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

from anatomy.bench.backends.step import Batch
from anatomy.bench.native.native_backend import STEPS as STEPS_OF_BACKENDS
from anatomy.bench.native.program import Program
from anatomy.bench.native.translate import translate
from anatomy.bench.records.case import Mode
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
    given = _given(model, rng)
    expected = [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(model(given, training=False))]
    program = translate(model, BACKEND, False)
    held = {id(weight.variable) for weight in program.weights}
    assert all(id(variable) in held for variable in model.trainable_variables)
    step = step_of(program, Batch(given), "infer", model)
    outputs = step.fetch(step.launch())
    return {"outputs": max(deviation(one, other) for one, other in zip(outputs, expected, strict=True))}


def compare_weights(model: Any) -> dict[str, Any]:
    """Of a compiled model, after some steps on the same batch."""
    rng = np.random.default_rng(0)
    shake(model, rng)
    for layer in model._flatten_layers():
        # Keras's gradient is 0 where a softmax saturates.
        if getattr(layer, "activation", None) is keras.activations.softmax:
            layer.kernel.assign(0.1 * layer.kernel)
    given = _given(model, rng)
    targets = [_target(loss, output, rng) for loss, output in zip(_losses(model), model.outputs, strict=True)]
    y = targets if len(targets) > 1 else targets[0]
    before = _values(model.variables)
    program = translate(model, BACKEND, True)
    # A penalty that is the optimizer's weight decay is no part of the loss.
    decays = "parameter_groups" in program.source
    # torch's running variance is of a sample, n / (n - 1) of Keras's.
    variables = [w.variable for w in program.weights if BACKEND != "torch" or w.variable.trainable]
    starts = _values(variables)
    step = step_of(program, Batch(given, y), "train", model)
    losses = [step.loss(step.launch()) for _ in range(STEPS)]
    step.restore()
    ours = _values(variables)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    expected = []
    for _ in range(STEPS):
        model.reset_metrics()
        penalty = sum(float(keras.ops.convert_to_numpy(loss)) for loss in model.losses) if decays else 0.0
        expected.append(float(np.ravel(model.train_on_batch(given, y))[0]) - penalty)
    theirs = _values(variables)
    moved = max(float(np.abs(new - old).max(initial=0)) for new, old in zip(theirs, starts, strict=True))
    missed = max(float(np.abs(mine - new).max(initial=0)) for mine, new in zip(ours, theirs, strict=True))
    # Beside the largest step of a weight.
    return {"losses": deviation(losses, expected), "weights": missed / moved}


def step_of(program: Program, batch: Batch, mode: Mode, model: Any) -> Any:
    """The step that the native backend of a program makes."""
    module, name = next(names for backend, names in STEPS_OF_BACKENDS.items() if backend == f"native-{BACKEND}")
    step = getattr(import_module(f"anatomy.bench.native.{module}"), name)
    return step(program, batch, mode, BACKEND == "jax", model)


def _given(model: Any, rng: np.random.Generator) -> Any:
    inputs = values_of(model.inputs, rng, BATCH)
    return keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]


def _values(variables: Sequence[Any]) -> list[Any]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


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
    keras.utils.clear_session(free_memory=False)
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
