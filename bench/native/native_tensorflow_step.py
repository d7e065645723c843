"""The step of a program in TensorFlow: `tf.function` of its methods, on the model's own variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from anatomy.bench.backends.step import Batch, WeightSums
from anatomy.bench.native.program import Array, Program, Weight, as_it_is
from anatomy.bench.native.step_data import TrainableWeights, input_arrays, keras_outputs, target_arrays
from anatomy.bench.records.case import Mode


class NativeTensorFlowStep:
    """A `tf.function` of the program's network, whose variables are those of the Keras model."""

    def __init__(self, program: Program, batch: Batch, mode: Mode, jit: bool, model: Any) -> None:
        self._program, self._model, self._train = program, model, mode == "train"
        self._jit = jit
        self._on_device = bool(tf.config.list_physical_devices("GPU"))
        self._groups: dict[str, dict[str, Any]] = {"params": {}, "state": {}}
        for weight in program.weights:
            group = self._groups["params" if weight.variable.trainable else "state"]
            group.setdefault(weight.layer, {})[weight.name] = _variable(weight)
        self._weights = TrainableWeights(model, program, self._read)
        self.use(batch)
        self._network = program.load()["Network"](**self._groups)
        method = self._network.train_step if self._train else self._network.infer
        self.function = tf.function(method, autograph=False, jit_compile=jit, reduce_retracing=True)

    def launch(self) -> Any:
        """Start one step; returns the loss (train) or the outputs (infer)."""
        return self.function(*self._arguments())

    def graph(self) -> Any:
        """The graph of the traced function."""
        return self.function.get_concrete_function(*self._arguments()).graph

    def hlo_text(self) -> str | None:
        """The program that XLA compiled, as text; `None` where TensorFlow's executor runs the graph."""
        if not self._jit:
            return None
        return str(self.function.experimental_get_compiler_ir(*self._arguments())(stage="optimized_hlo"))

    def drain(self, outputs: Sequence[Any]) -> None:
        """Read the outputs; an accelerator is waited for, and nothing copied from it."""
        if self._on_device:
            tf.test.experimental.sync_devices()
            return
        for tensor in tf.nest.flatten(list(outputs)):
            tensor.numpy()

    def loss(self, outputs: Any) -> float | None:
        """The loss of the step."""
        return float(outputs) if self._train else None

    def use(self, batch: Batch) -> None:
        """Convert the batch to tensors on the device."""
        self._inputs = tuple(map(tf.convert_to_tensor, input_arrays(self._model, self._program, batch)))
        if self._train:
            self._targets = tuple(map(tf.convert_to_tensor, target_arrays(self._model, batch)))

    def fetch(self, outputs: Any) -> list[Array]:
        """Copies on the host, in Keras's axes."""
        leaves = [np.array(tensor) for tensor in tf.nest.flatten(outputs)]
        return leaves if self._train else keras_outputs(self._program, leaves)

    def weights(self) -> WeightSums:
        """Of the program's variables."""
        return self._weights.sums()

    def put_weights(self, values: Sequence[Array]) -> None:
        """Assign arrays of Keras's order."""
        for weight, value in self._weights.given(values):
            self._place(weight).assign(value)

    def restore(self) -> None:
        """Assign the weights that lie in another order than the model's; all others are the model's own variables."""
        for weight in self._program.weights:
            if weight.to_native is not as_it_is:
                weight.variable.assign(weight.to_keras(self._read(weight)))

    def programs(self) -> int:
        """Traces of the `tf.function`."""
        return int(self.function.experimental_get_tracing_count())

    def settings(self) -> dict[str, Any]:
        """What differs from Keras's step."""
        return {}

    def _arguments(self) -> tuple[Any, ...]:
        return (self._inputs, self._targets) if self._train else (self._inputs,)

    def _place(self, weight: Weight) -> Any:
        return self._groups["params" if weight.variable.trainable else "state"][weight.layer][weight.name]

    def _read(self, weight: Weight) -> Array:
        return np.asarray(self._place(weight))


def _variable(weight: Weight) -> Any:
    if weight.to_native is as_it_is:
        return weight.variable.value
    return tf.Variable(weight.to_native(np.asarray(weight.variable.value)), trainable=weight.variable.trainable)
