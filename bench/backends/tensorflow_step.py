"""The step on TensorFlow: `Model.train_step` / `predict_step` in a `tf.function`, as `fit` makes it.

Source: `make_train_function` in Keras 3 wraps `train_step` in
`tf.function(jit_compile=model.jit_compile, reduce_retracing=True)`. The data are passed as device
tensors and not through an iterator, which would measure the input pipeline as well.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from anatomy.bench.backends.step import Batch, WeightSums, checksum, loss_of
from anatomy.bench.records.case import Mode


class TensorFlowStep:
    """One `tf.function` bound to a model and a batch."""

    def __init__(self, model: Any, batch: Batch, mode: Mode) -> None:
        self._train = mode == "train"
        self._model = model
        self.use(batch)
        python_step = model.train_step if mode == "train" else model.predict_step
        # Without autograph, as in Keras's own make_train_function: layers are traced as they are.
        options = {"autograph": False, "reduce_retracing": True, "jit_compile": model.jit_compile}
        self.function = python_step if model.run_eagerly else tf.function(python_step, **options)
        self._on_device = bool(tf.config.list_physical_devices("GPU"))

    def launch(self) -> Any:
        """Start one step; returns the logs (train) or the outputs (infer) as tensors."""
        return self.function(self._data)

    def graph(self) -> Any:
        """The graph of the traced function."""
        return self.function.get_concrete_function(self._data).graph

    def hlo_text(self) -> str | None:
        """The program that XLA compiled, as text; `None` where TensorFlow's executor runs the graph."""
        if not self._model.jit_compile:
            return None
        return str(self.function.experimental_get_compiler_ir(self._data)(stage="optimized_hlo"))

    def drain(self, outputs: Sequence[Any]) -> None:
        """Read the outputs; an accelerator is waited for, and nothing copied from it.

        https://www.tensorflow.org/api_docs/python/tf/test/experimental/sync_devices
        """
        if self._on_device:
            tf.test.experimental.sync_devices()
            return
        for tensor in keras.tree.flatten(list(outputs)):
            tensor.numpy()

    def loss(self, outputs: Any) -> float | None:
        """The running mean that Keras reports under `loss`."""
        return loss_of(outputs) if self._train else None

    def use(self, batch: Batch) -> None:
        """Convert the batch to tensors on the device."""
        self._data = keras.tree.map_structure(tf.convert_to_tensor, batch.of_step(self._train))

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        """Copies on the host."""
        return [np.array(tensor) for tensor in keras.tree.flatten(outputs)]

    def weights(self) -> WeightSums:
        """Of the model's own variables."""
        return [(v.path, checksum(np.asarray(v.value))) for v in self._model.trainable_variables]

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        """Assign them to the model's own variables."""
        for variable, value in zip(self._model.trainable_variables, values, strict=True):
            variable.assign(value)

    def restore(self) -> None:
        """Nothing to do: the step works on the model's own variables."""

    def programs(self) -> int:
        """Traces of the `tf.function`; 0 where the model runs eagerly."""
        return 0 if self._model.run_eagerly else int(self.function.experimental_get_tracing_count())


def initialise(seed: int) -> None:
    """Seed, and create the eager context and its devices."""
    tf.random.set_seed(seed)
    tf.zeros(()).numpy()


def prepare(model: Any, batch: Batch, mode: Mode) -> TensorFlowStep:
    """Move the batch to the device and wrap the model's step."""
    return TensorFlowStep(model, batch, mode)


def refusal(model: Any, batch: Batch) -> Exception | None:
    """Traced to a graph."""
    data = keras.tree.map_structure(tf.convert_to_tensor, batch.of_step(True))
    try:
        tf.function(model.train_step, autograph=False).get_concrete_function(data)
    except Exception as error:  # noqa: BLE001  # the boundary: a model's own step refuses in any way it likes
        return error
    return None


def settings(model: Any, step: TensorFlowStep) -> dict[str, Any]:
    """TensorFlow's settings in effect; where no thread count is set it takes one for each usable core."""
    cores = len(os.sched_getaffinity(0))
    # One switch for products and convolutions.
    tf32 = tf.config.experimental.tensor_float_32_execution_enabled() if step._on_device else None
    return {
        "jit": bool(model.jit_compile) and not model.run_eagerly,
        "threads_intra": tf.config.threading.get_intra_op_parallelism_threads() or cores,
        "threads_inter": tf.config.threading.get_inter_op_parallelism_threads() or cores,
        "tf32": tf32,
        "cudnn_tf32": tf32,
        "matmul_precision": "float32" if not step._on_device else "default",
        "device": "gpu" if step._on_device else "cpu",
        "donated_buffers": False,
    }


def peak_device_bytes() -> tuple[int | None, str]:
    """`tf.config.experimental.get_memory_info`, which knows GPUs and TPUs only."""
    if not tf.config.list_physical_devices("GPU"):
        return None, "no GPU: the model's memory is host memory"
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]), ""


def on_cpu() -> bool:
    """Whether steps run on the CPU."""
    return not tf.config.list_physical_devices("GPU")
