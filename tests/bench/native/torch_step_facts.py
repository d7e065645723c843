"""What a step of native PyTorch does with the memory and the weights of its model, on KERAS_BACKEND=torch.

Prints one line of JSON: names of facts and whether they hold.
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
from keras import Input, layers

from anatomy.bench.backends.step import Batch
from anatomy.bench.native.native_torch_step import NativeTorchStep
from anatomy.bench.native.translate import translate

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 8, 8, 3)).astype("float32")
CLASSES = RNG.integers(0, 5, 4)


def _model() -> Any:
    inputs = Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu", name="conv")(inputs))
    outputs = layers.Dense(5, activation="softmax", name="dense")(layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def _step(model: Any, mode: Any, jit: bool = False) -> NativeTorchStep:
    return NativeTorchStep(translate(model, "torch", mode == "train"), Batch(IMAGES, CLASSES), mode, jit, model)


def _values(model: Any) -> list[np.ndarray]:
    return [variable.numpy().copy() for variable in model.variables]


def _equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def facts() -> dict[str, bool]:
    found = {}
    model = _model()
    before, expected = _values(model), np.asarray(model.predict_on_batch(IMAGES))
    trained = [variable.numpy().copy() for variable in model.trainable_variables]
    step = _step(model, "train")
    conv, dense = model.get_layer("conv"), model.get_layer("dense")
    found["both formats are timed"] = set(step.layouts) == {"contiguous", "channels_last"}
    found["the faster one is taken"] = step.memory_format == min(step.layouts, key=lambda name: step.layouts[name])
    found["a kernel is a view"] = conv.kernel.value.data_ptr() == step._network.conv.weight.data_ptr()
    found["a bias is a view"] = conv.bias.value.data_ptr() == step._network.conv.bias.data_ptr()
    # Its rows are in another order: no view shows it.
    found["what cannot be a view takes no memory"] = dense.kernel.value.untyped_storage().nbytes() == 4
    step.restore()
    found["the trial changes nothing"] = _equal(_values(model), before)
    sums = step.weights()
    found["sums are in the model's order"] = [path for path, _ in sums] == [v.path for v in model.trainable_variables]
    losses = [step.loss(step.launch()) or 0.0 for _ in range(5)]
    found["the loss goes down"] = losses[-1] < losses[0]
    found["sums change"] = all(a != b for a, b in zip(sums, step.weights(), strict=True))
    step.put_weights(trained)
    found["weights are put back"] = step.weights() == sums
    second = _step(model, "infer")
    outputs = second.fetch(second.launch())[0]
    found["a second step has the weights of the first"] = second.weights() == sums
    found["outputs have Keras's shape"] = outputs.shape == expected.shape
    second.use(Batch(IMAGES + 1, CLASSES))
    found["other data give other outputs"] = not np.allclose(second.fetch(second.launch())[0], outputs)
    return found


def compiled_facts() -> dict[str, bool]:
    model = _model()
    expected = np.asarray(model.predict_on_batch(IMAGES))
    step = _step(model, "infer", jit=True)
    outputs = step.fetch(step.launch())[0]
    return {"compiled outputs agree": np.allclose(outputs, expected, atol=1e-5), "programs": step.programs() == 1}


if __name__ == "__main__":
    print(json.dumps({**facts(), **compiled_facts()}))
