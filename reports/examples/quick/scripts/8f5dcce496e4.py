"""lstm train torch b32: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, torch 2.13.0+cpu on 2 usable cores of AMD EPYC. Run it alone on
the machine: python 8f5dcce496e4.py.
"""

import os
import statistics
import time

os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
import torch
from keras import layers

keras.config.set_dtype_policy("float32")
stack = [
    keras.Input((8, 16), name="input"),
    layers.LSTM(32, return_sequences=True, name="lstm_1"),
    layers.LSTM(32, return_sequences=True, name="lstm_2"),
    layers.LSTM(32, name="lstm_3"),
    layers.Dense(10, activation="softmax", name="predictions"),
]
model = keras.Sequential(stack, name="lstm")
assert model.count_params() == 23242
optimizer = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)
model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((32, 8, 16), dtype="float32")
y = rng.integers(0, 10, (32,)).astype("int32")
model._symbolic_build(data_batch=(x, y))  # the optimizer's and the losses' variables
data = keras.tree.map_structure(keras.ops.convert_to_tensor, (x, y))
model.train(True)
step = model.train_step


def timed(steps):
    """Seconds a step: launched back to back, then waited for all their outputs."""
    start = time.perf_counter()
    outputs = [step(data) for _ in range(steps)]
    for logs in outputs:
        float(logs["loss"])
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
