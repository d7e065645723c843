"""text_cnn:vocabulary=2000,embedding_dim=32,length=200 train torch b16: examples per second and the median step,
without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, torch 2.13.0+cpu on 2 usable cores of AMD EPYC. Run it alone on
the machine: python b8ba972b51dd.py.
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
inputs = x = keras.Input((200,), name="input", dtype="int32")
x = layers.Embedding(2000, 32, name="embedding")(x)
x = layers.Conv1D(128, (5,), activation="relu", name="conv1")(x)
x = layers.MaxPooling1D(pool_size=(5,), strides=(5,), name="pool1")(x)
x = layers.Conv1D(128, (5,), activation="relu", name="conv2")(x)
x = layers.MaxPooling1D(pool_size=(5,), strides=(5,), name="pool2")(x)
x = layers.Conv1D(128, (5,), activation="relu", name="conv3")(x)
x = layers.GlobalMaxPooling1D(name="max_over_text")(x)
x = layers.Dense(128, activation="relu", name="dense")(x)
x = layers.Dense(20, activation="softmax", name="predictions")(x)
model = keras.Model(inputs, x, name="text_cnn")
assert model.count_params() == 267796
optimizer = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)
model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
rng = np.random.default_rng(0)
x = rng.integers(0, 2000, (16, 200)).astype("int32")
y = rng.integers(0, 20, (16,)).astype("int32")
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
print(f"throughput {16 / statistics.median(blocks):.6g} examples/s")
print(f"median step {1e3 * statistics.median(steps):.6g} ms")
