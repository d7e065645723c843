"""mlp train tensorflow b32: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, tensorflow 2.21.0 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python 30959e7bcd8f.py.
"""

import os
import statistics
import time

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.config.set_dtype_policy("float32")
stack = [
    keras.Input((20,), name="input"),
    layers.Dense(64, activation="relu", name="dense_1"),
    layers.Dropout(0.5, name="dropout_1"),
    layers.Dense(64, activation="relu", name="dense_2"),
    layers.Dropout(0.5, name="dropout_2"),
    layers.Dense(10, activation="softmax", name="predictions"),
]
model = keras.Sequential(stack, name="mlp")
assert model.count_params() == 6154
optimizer = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)
model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((32, 20), dtype="float32")
y = rng.integers(0, 10, (32,)).astype("int32")
model._symbolic_build(data_batch=(x, y))  # the optimizer's and the losses' variables
data = keras.tree.map_structure(tf.convert_to_tensor, (x, y))
step = tf.function(model.train_step, jit_compile=False, reduce_retracing=True, autograph=False)


def timed(steps):
    """Seconds a step: launched back to back, then waited for all their outputs."""
    start = time.perf_counter()
    outputs = [step(data) for _ in range(steps)]
    for tensor in keras.tree.flatten(outputs):
        tensor.numpy()
    return (time.perf_counter() - start) / steps


warm, end = [timed(1)], time.perf_counter() + 1  # the first compiles
while time.perf_counter() < end:
    warm.append(timed(1))
rounds = int(max(1, min(10, 1 / min(warm[-3:]) // 12)))
size = int(max(2, min(500, 1 / min(warm[-3:]) // (6 * rounds))))
blocks, steps = [], []
for _ in range(rounds):
    blocks.append(timed(2 * size))
    steps += [timed(1) for _ in range(3 * size)]
print(f"throughput {32 / statistics.median(blocks):.6g} examples/s")
print(f"median step {1e3 * statistics.median(steps):.6g} ms")
