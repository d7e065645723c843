"""A benchmark loop as one writes it by hand, without Anatomy: `bare_loop.py MODEL SECONDS`.

The backend is `KERAS_BACKEND`. Prints examples a second of a pipelined loop. It shares no code with
the project: models, data, compilation and clock are written out here once more.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

WARMUP_S = 0.5


def mlp() -> Any:
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def lstm() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 16)),
            layers.LSTM(32, return_sequences=True),
            layers.LSTM(32, return_sequences=True),
            layers.LSTM(32),
            layers.Dense(10, activation="softmax"),
        ]
    )


def resnet() -> Any:
    """The CIFAR ResNet-8: one block a stage, identity shortcuts padded with zero channels."""

    def convolution(x: Any, filters: int, stride: int) -> Any:
        # One pixel on every side: `same` would pad one side only where the stride is 2, another model and a faster one.
        if stride > 1:
            x = layers.ZeroPadding2D(1)(x)
        padding = "valid" if stride > 1 else "same"
        x = layers.Conv2D(filters, 3, strides=stride, padding=padding, use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolution(inputs, 16, 1))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = layers.ReLU()(convolution(x, filters, stride))
        y = convolution(y, filters, 1)
        if stride == 2:
            x = keras.ops.pad(x[:, ::2, ::2, :], [[0, 0], [0, 0], [0, 0], [filters // 4, filters // 4]])
        x = layers.ReLU()(layers.Add()([x, y]))
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


MODELS: dict[str, tuple[Callable[[], Any], int]] = {"mlp": (mlp, 256), "lstm": (lstm, 128), "resnet": (resnet, 16)}


def main() -> None:
    build, batch = MODELS[sys.argv[1]]
    seconds = float(sys.argv[2])
    rng = np.random.default_rng(0)
    model = build()
    x = rng.standard_normal((batch, *model.input_shape[1:]), dtype=np.float32)
    y = rng.integers(0, 10, batch)
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss="sparse_categorical_crossentropy")
    model._symbolic_build(data_batch=(x, y))
    launch, finish = globals()[f"{keras.backend.backend()}_loop"](model, x, y)

    finish([launch()])
    _run(launch, finish, WARMUP_S)
    print(batch / _run(launch, finish, seconds))


def _run(launch: Callable[[], Any], finish: Callable[[list[Any]], None], seconds: float) -> float:
    """Seconds a step, pipelined in blocks of about a tenth of the time; the median of the blocks."""
    start = time.perf_counter()
    finish([launch()])
    steps = max(2, int(seconds / 10 / (time.perf_counter() - start)))
    blocks = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        finish([launch() for _ in range(steps)])
        blocks.append((time.perf_counter() - start) / steps)
    return float(np.median(blocks))


def tensorflow_loop(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    data = (tf.constant(x), tf.constant(y))
    step = tf.function(model.train_step, jit_compile=model.jit_compile, reduce_retracing=True, autograph=False)
    return lambda: step(data), lambda outputs: [float(logs["loss"]) for logs in outputs]


def jax_loop(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
    import jax

    variables = (model.trainable_variables, model.non_trainable_variables)
    groups = (*variables, model.optimizer.variables, model.metrics_variables)
    state = [tuple([v.value for v in group] for group in groups)]
    data = jax.device_put((x, y))
    step = jax.jit(model.train_step, donate_argnums=0)

    def launch() -> Any:
        logs, state[0] = step(state[0], data)
        return logs

    return launch, lambda outputs: jax.block_until_ready((outputs, state[0]))


def torch_loop(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
    data = (keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(y))
    model.train()
    return lambda: model.train_step(data), lambda outputs: [float(logs["loss"]) for logs in outputs]


def openvino_loop(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
    return lambda: model.predict_on_batch(x), lambda outputs: None


if __name__ == "__main__":
    main()
