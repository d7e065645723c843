"""Steps of native PyTorch beside the Keras models that they were translated from, on KERAS_BACKEND=torch.

Run as a program: `python -m tests.bench.native.compare_torch_steps CATALOGUE [NAME…]`; prints a line of JSON per model:
the deviation of the outputs, for training of the losses and the weights, and what was refused.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import keras
import numpy as np

from anatomy.bench.backends.step import Batch
from anatomy.bench.native.native_torch_step import NativeTorchStep
from anatomy.bench.native.translate import translate
from anatomy.bench.workload.numpy_initialisers import numpy_initialisers
from tests.bench.native.compare_programs import BATCH, STEPS, _losses, _target, deviation, shake, values_of


def compare_outputs(model: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shake(model, rng)
    for layer in model._flatten_layers():
        # Where it saturates, any two models agree.
        if getattr(layer, "activation", None) is keras.activations.softmax:
            layer.activation = keras.activations.linear
    inputs = values_of(model.inputs, rng, BATCH)
    given = keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]
    expected = [np.asarray(output) for output in keras.tree.flatten(model.predict_on_batch(given))]
    program = translate(model, "torch", False)
    held = {id(weight.variable) for weight in program.weights}
    assert all(id(variable) in held for variable in model.trainable_variables)
    step = NativeTorchStep(program, Batch(given), "infer", False, model)
    outputs = step.fetch(step.launch())
    return {"outputs": max(deviation(one, other) for one, other in zip(outputs, expected, strict=True))}


def compare_weights(model: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shake(model, rng)
    inputs = values_of(model.inputs, rng, BATCH)
    targets = [_target(loss, output, rng) for loss, output in zip(_losses(model), model.outputs, strict=True)]
    given = keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]
    before = [variable.numpy().copy() for variable in model.variables]
    starts = [variable.numpy().copy() for variable in model.trainable_variables]
    y = targets if len(targets) > 1 else targets[0]
    program = translate(model, "torch", True)
    # A penalty that is the optimizer's weight decay is no part of the loss.
    decays = "parameter_groups" in program.source
    step = NativeTorchStep(program, Batch(given, y), "train", False, model)
    losses = [step.loss(step.launch()) for _ in range(STEPS)]
    step.restore()
    ours = [variable.numpy().copy() for variable in model.trainable_variables]
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    expected = []
    for _ in range(STEPS):
        model.reset_metrics()
        penalty = float(sum(map(float, map(keras.ops.convert_to_numpy, model.losses)))) if decays else 0.0
        expected.append(float(np.ravel(model.train_on_batch(given, y))[0]) - penalty)
    theirs = [variable.numpy() for variable in model.trainable_variables]
    moved = max(float(np.abs(new - old).max(initial=0)) for new, old in zip(theirs, starts, strict=True))
    missed = max(float(np.abs(mine - new).max(initial=0)) for mine, new in zip(ours, theirs, strict=True))
    # Beside the largest step of a weight.
    return {"losses": deviation(losses, expected), "weights": missed / moved}


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
