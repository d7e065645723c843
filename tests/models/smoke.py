"""Builds small variants of the zoo on the backend of KERAS_BACKEND and uses each once.

Run as a program, one process a backend: python smoke.py MODEL…; prints one line of JSON a model.
Each predicts, and is trained one step where the backend can train.
"""

import json
import sys

import keras
import numpy as np

from anatomy.bench.workload.numpy_initialisers import numpy_initialisers
from anatomy.models import build_any, find, parse_model


def random_batch(tensor, batch_size, rng):
    """Values that any of the zoo's inputs accepts; unknown lengths become 9."""
    shape = [batch_size, *(9 if side is None else side for side in tensor.shape[1:])]
    if "int" in tensor.dtype:
        return rng.integers(0, 50, shape).astype("int32")
    return rng.standard_normal(shape).astype("float32")


def train_once(model, loss_weights, x, rng):
    """The losses of one step towards random targets: their weighted sum, and each output's."""
    names = getattr(model, "output_names", ["predictions"])
    y = [rng.random((len(x), *output.shape[1:])).astype("float32") for output in model.outputs]
    model.compile("sgd", ["mse"] * len(y), loss_weights=[loss_weights.get(name, 1.0) for name in names])
    losses = model.train_on_batch(x, y if len(y) > 1 else y[0])
    return [float(loss) for loss in np.ravel(losses)]


def use_once(text):
    """Facts that a test can hold against the backend."""
    spec = parse_model(text)
    # Not the backend's own: JAX compiles an initialiser for each shape, which takes most of the time.
    with numpy_initialisers():
        model = build_any(spec.model, spec.options)
    rng = np.random.default_rng(0)
    batch_size = model.inputs[0].shape[0] or 2
    x = random_batch(model.inputs[0], batch_size, rng)
    outputs = model.predict(x, batch_size=batch_size, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    trains = keras.backend.backend() != "openvino" and not spec.options.get("keywords")
    losses = train_once(model, find(spec.model)[0].loss_weights, x, rng) if trains else []
    return {
        "model": text,
        "losses": losses,
        "shapes": [list(output.shape) for output in outputs],
        "finite": all(bool(np.isfinite(values).all()) for values in (*outputs, losses)),
        "sums": [float(output.sum(-1).mean()) for output in outputs],
    }


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(use_once(argument)), flush=True)
