"""mlp fit torch b32: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, torch 2.13.0+cpu on 2 usable cores of AMD EPYC. Run it alone on
the machine: python a1eeb6537338.py.
"""

import os
import statistics
import time

os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
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
most = min(1000, 268435456 // sum(a.nbytes for a in keras.tree.flatten((x, y)))) or 1


def timed(steps):
    """Seconds a step: one epoch of so many copies of the batch, its values back on the host."""
    data = keras.tree.map_structure(lambda array: np.concatenate([array] * steps), (x, y))
    start = time.perf_counter()
    model.fit(*data, batch_size=32, epochs=1, verbose=0, shuffle=False)
    return (time.perf_counter() - start) / steps


timed(1)  # compiles
size = min(4, most)
while (more := min(most, int(min(10 * size, 0.2 / timed(size))))) > 1.5 * size:
    size = more
blocks = [timed(size) for _ in range(5)]
print(f"throughput {32 / statistics.median(blocks):.6g} examples/s")
