"""The step of a program in JAX: `jax.jit` of its functions, with the weights donated in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from anatomy.bench.backends.step import Batch, WeightSums
from anatomy.bench.native.program import Array, Program, Weight, as_it_is
from anatomy.bench.native.step_data import TrainableWeights, input_arrays, keras_outputs, target_arrays
from anatomy.bench.records.case import Mode
from anatomy.bench.workload.synthetic_batch import SEED


class NativeJaxStep:
    """A jitted pure function with the weights that it carries from step to step."""

    def __init__(self, program: Program, batch: Batch, mode: Mode, jit: bool, model: Any) -> None:
        self._program, self._model, self._train = program, model, mode == "train"
        self._jit = jit
        names = program.load()
        self._forward = names["forward"]
        # Keras's own arrays, which a training step donates: they are not in memory twice.
        self._groups: dict[str, dict[str, Any]] = {"params": {}, "state": {}}
        for weight in program.weights:
            value = weight.variable.value
            if weight.to_native is not as_it_is:
                value = jax.numpy.asarray(weight.to_native(np.asarray(value)))
            self._layer(weight)[weight.name] = value
        self._weights = TrainableWeights(model, program, self._read)
        self.use(batch)
        if self._train:
            self._optimizer = names["init_optimizer"](self._groups["params"])
            self._key = jax.random.key(SEED)
            step = names["train_step"]
            self.function = jax.jit(step, donate_argnums=(0, 1, 2)) if jit else step
        else:
            self.function = jax.jit(self._infer) if jit else self._infer

    def launch(self) -> Any:
        """Dispatch one step (asynchronous); returns the loss (train) or the outputs (infer)."""
        if not self._train:
            return self.function(*self._arguments())
        loss, params, state, self._optimizer = self.function(*self._arguments())
        self._groups = {"params": params, "state": state}
        return loss

    def drain(self, outputs: Sequence[Any]) -> None:
        """Block on every output and on the state that the last step left."""
        jax.block_until_ready((list(outputs), self._groups))

    def loss(self, outputs: Any) -> float | None:
        """The loss of the step."""
        return float(outputs) if self._train else None

    def use(self, batch: Batch) -> None:
        """Put the batch on the device."""
        self._inputs = jax.device_put(tuple(input_arrays(self._model, self._program, batch)))
        if self._train:
            self._targets = jax.device_put(tuple(target_arrays(self._model, batch)))

    def fetch(self, outputs: Any) -> list[Array]:
        """Copies on the host, in Keras's axes; reading waits for the values."""
        leaves = [np.array(leaf) for leaf in jax.tree.leaves(outputs)]
        return leaves if self._train else keras_outputs(self._program, leaves)

    def weights(self) -> WeightSums:
        """Of the arrays that are carried from step to step."""
        return self._weights.sums()

    def put_weights(self, values: Sequence[Array]) -> None:
        """Put arrays of Keras's order into the program."""
        for weight, value in self._weights.given(values):
            layer = self._layer(weight)
            layer[weight.name] = jax.device_put(jax.numpy.asarray(value, layer[weight.name].dtype))

    def restore(self) -> None:
        """Assign the weights to the model's variables, whose arrays were donated."""
        for weight in self._program.weights:
            weight.variable.assign(weight.to_keras(self._layer(weight)[weight.name]))

    def programs(self) -> int:
        """Entries of the jitted function's cache; 0 without jit."""
        return int(self.function._cache_size()) if hasattr(self.function, "_cache_size") else 0

    def hlo_text(self) -> str:
        """The compiled program as text; compiling is cached."""
        return str(self.function.lower(*self._arguments()).compile().as_text())

    def weight_arguments(self) -> dict[str, Any]:
        """What the program calls the argument of each weight → the model's variable."""
        found = {}
        for weight in self._program.weights:
            group = "params" if weight.variable.trainable else "state"
            found[f"{group}['{weight.layer}']['{weight.name}']"] = weight.variable
        return found

    def settings(self) -> dict[str, Any]:
        """What differs from Keras's step."""
        return {"donated_buffers": self._train and self._jit}

    def _arguments(self) -> tuple[Any, ...]:
        carried = (self._groups["params"], self._groups["state"])
        if not self._train:
            return (*carried, self._inputs)
        return (*carried, self._optimizer, self._inputs, self._targets, self._key)

    def _infer(self, params: Any, state: Any, inputs: Any) -> Any:
        outputs, _ = self._forward(params, state, inputs)
        return outputs

    def _layer(self, weight: Weight) -> dict[str, Any]:
        group = self._groups["params" if weight.variable.trainable else "state"]
        layer: dict[str, Any] = group.setdefault(weight.layer, {})
        return layer

    def _read(self, weight: Weight) -> Array:
        # A copy: an array keeps the view that numpy has had of it, and could not be donated any more.
        return np.asarray(jax.numpy.copy(self._layer(weight)[weight.name]))
