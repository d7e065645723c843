"""lstm predict tensorflow b32: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, tensorflow 2.21.0 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python 5c6fbc868b55.py.
"""

import os
import statistics
import time

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
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
model.compile(jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((32, 8, 16), dtype="float32")
most = min(1000, 268435456 // sum(a.nbytes for a in keras.tree.flatten((x,)))) or 1


def timed(steps):
    """Seconds a step: one epoch of so many copies of the batch, its values back on the host."""
    data = keras.tree.map_structure(lambda array: np.concatenate([array] * steps), (x,))
    start = time.perf_counter()
    model.predict(*data, batch_size=32, verbose=0)
    return (time.perf_counter() - start) / steps


timed(1)  # compiles
size = min(4, most)
while (more := min(most, int(min(10 * size, 0.2 / timed(size))))) > 1.5 * size:
    size = more
blocks = [timed(size) for _ in range(5)]
print(f"throughput {32 / statistics.median(blocks):.6g} examples/s")
