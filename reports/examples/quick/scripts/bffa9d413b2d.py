"""rcnn:words=20,embedding_dim=32,lstm_units=32,dense_units=32 infer openvino b16: examples per second and the median
step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, openvino 2026.4.1 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python bffa9d413b2d.py.
"""

import os
import statistics
import time

os.environ |= {"KERAS_BACKEND": "openvino", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
from keras import layers
from keras import ops

keras.config.set_dtype_policy("float32")


class FlipTime(keras.layers.Layer):
    def call(self, inputs):
        return ops.flip(inputs, axis=1)


input = keras.Input((20, 32), name="input")
right_context = layers.LSTM(32, return_sequences=True, go_backwards=True, name="right_context")(input, training=False)
left_context = layers.LSTM(32, return_sequences=True, name="left_context")(input, training=False)
right_flipped = FlipTime(name="right_flipped")(right_context)
left_padded = layers.ZeroPadding1D(padding=(1, 0), name="left_padded")(left_context)
right_padded = layers.ZeroPadding1D(padding=(0, 1), name="right_padded")(right_flipped)
left_shifted = layers.Cropping1D(cropping=(0, 1), name="left_shifted")(left_padded)
right_shifted = layers.Cropping1D(cropping=(1, 0), name="right_shifted")(right_padded)
word_in_context = layers.Concatenate(name="word_in_context")([left_shifted, input, right_shifted])
semantic = layers.Dense(32, activation="tanh", name="semantic")(word_in_context)
max_over_words = layers.GlobalMaxPooling1D(name="max_over_words")(semantic)
predictions = layers.Dense(1, activation="sigmoid", name="predictions")(max_over_words)
model = keras.Model(input, predictions, name="rcnn")
assert model.count_params() == 19777
model.compile(jit_compile=True)
rng = np.random.default_rng(0)
x = rng.standard_normal((16, 20, 32), dtype="float32")
step, data = model.predict_step, (x,)


def timed(steps):
    """Seconds a step: launched back to back, then waited for all their outputs."""
    start = time.perf_counter()
    _outputs = [step(data) for _ in range(steps)]
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
