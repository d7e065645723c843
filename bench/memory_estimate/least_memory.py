"""The least memory of a model's step at any batch size, where nothing is computed anew and no layers are merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from anatomy.bench.counting.abstract_model import abstract_model, dtype_policy
from anatomy.bench.counting.counter import InputShape, count_model, symbolic_inputs
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.model_counts import LayerCount
from anatomy.bench.counting.shapes import dtype_bytes, plus, size, times, variable_bytes
from anatomy.bench.memory_estimate.optimizer_state import slot_bytes
from anatomy.bench.workload.compile_model import compile_model
from anatomy.bench.workload.learnable_data import draw_targets
from anatomy.models import build_any, parse_model

StepMode = Literal["train", "infer"]


@dataclass(frozen=True)
class LeastMemory:
    """What a step holds at least. All sizes in bytes; `docs/memory.md` has the assumptions.

    Attributes:
        parameter_bytes: all weights, in their own dtype.
        gradient_bytes: one of each trainable weight; 0 in inference.
        optimizer_bytes: what the optimizer keeps for each weight; 0 in inference.
        optimizer: its class; `None` in inference.
        example_bytes: the inputs of one example, and in training its targets.
        activation_bytes: of one example: in training what the backward pass needs (`LayerCount.kept_bytes`); in
            inference inputs and outputs of the largest layer, without the batch.
        fixed_batch: the one batch size that the model takes; `None` if it takes any.
    """

    mode: StepMode
    dtype: str
    parameter_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    optimizer: str | None
    example_bytes: int
    activation_bytes: int
    fixed_batch: int | None = None

    def at(self, batch_size: int) -> int:
        """Bytes at a batch size: weights, optimizer and batch, and of activations and gradients what is more.

        Activations are all there when the backward pass begins, gradients when it ends.

        Raises:
            ValueError: the model's batch size is fixed to another.
        """
        if self.fixed_batch not in (None, batch_size):
            raise ValueError(
                f"the model's batch size is fixed to {self.fixed_batch}; give --batch-size {self.fixed_batch}"
            )
        lasting = self.parameter_bytes + self.optimizer_bytes + batch_size * self.example_bytes
        return lasting + max(self.gradient_bytes, batch_size * self.activation_bytes)

    def largest_batch(self, limit_bytes: int) -> int:
        """The largest batch that does not surely exceed a limit; 0 where one example does.

        Raises:
            ValueError: the model's batch size is fixed.
        """
        if self.fixed_batch is not None:
            raise ValueError(f"the model's batch size is fixed to {self.fixed_batch}")
        room = limit_bytes - self.parameter_bytes - self.optimizer_bytes
        by_gradients = (room - self.gradient_bytes) // max(1, self.example_bytes)
        by_activations = room // max(1, self.example_bytes + self.activation_bytes)
        return max(0, min(by_gradients, by_activations))


def least_memory(
    model: str, mode: StepMode, batch_size: int = 1, input_shape: InputShape | None = None, dtype: str | None = None
) -> LeastMemory:
    """The least memory of a step of a model of the zoo or of the user.

    Args:
        model: as `parse_model` reads it: `vgg:depth=11`, `package.module:function`.
        batch_size: for a model whose batch size is fixed when it is built (a stateful one).
        input_shape: of one example, where the model leaves lengths open; see `count_model`.
        dtype: a Keras dtype policy to build it under; the one in effect unless given.

    Raises:
        ValueError: the model, its options, `input_shape` or `dtype` is wrong, or it cannot be trained.
        TypeError: the user's function does not return a Keras model.
    """
    spec = parse_model(model)
    options = dict(spec.options)
    if options.get("stateful"):
        options["batch_size"] = batch_size
    with dtype_policy(dtype), abstract_model():
        return least_of(build_any(spec.model, options), mode, input_shape)


def least_of(model: keras.Model, mode: StepMode, input_shape: InputShape | None = None) -> LeastMemory:
    """The least memory of a step of a built model; one built within `abstract_model()` must be given within it."""
    losses = _losses(model) if mode == "train" else []
    counts = count_model(model, input_shape)
    inputs = symbolic_tensors(symbolic_inputs(model, input_shape))
    fixed = next((tensor.shape[0] for tensor in getattr(model, "inputs", None) or [] if tensor.shape[0]), None)
    trainable = list(model.trainable_weights) if mode == "train" else []
    held = sum(map(_input_bytes, inputs)) // inputs[0].shape[0]
    return LeastMemory(
        mode=mode,
        dtype=keras.config.dtype_policy().name,
        parameter_bytes=sum(map(variable_bytes, model.weights)),
        gradient_bytes=sum(map(variable_bytes, trainable)),
        optimizer_bytes=slot_bytes(model.optimizer, trainable) if mode == "train" else 0,
        optimizer=type(model.optimizer).__name__ if mode == "train" else None,
        example_bytes=held + _target_bytes(counts.output_shape, losses),
        activation_bytes=_kept(counts.layers) if mode == "train" else _largest(counts.layers),
        fixed_batch=fixed,
    )


def _kept(layers: Sequence[LayerCount]) -> int:
    return _known(plus(*(layer.kept_bytes for layer in layers)))


def _largest(layers: Sequence[LayerCount]) -> int:
    """Of a layer with a kernel inputs and outputs, which it cannot overwrite; of others their outputs."""
    sizes = [plus(layer.passed_bytes if layer.has_kernel else 0, layer.output_bytes) for layer in layers]
    return max(map(_known, sizes), default=0)


def _known(found: int | None) -> int:
    if found is None:
        raise ValueError(
            "a tensor of an open length, or of text, has no known size: give the open lengths by --input-shape"
        )
    return found


def _losses(model: keras.Model) -> list[str]:
    """Compile a model as for measuring, and return its losses by output."""
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"model {model.name!r} does not declare its inputs, and is not trained here; use the functional API, or"
            " --mode infer"
        )
    if any("int" in str(output.dtype) for output in model.outputs):
        raise ValueError(f"model {model.name!r} has an integer output, which has no gradient; use --mode infer")
    return compile_model(model, "auto", {}).losses


def _input_bytes(tensor: Any) -> int:
    """Bytes of an input array; floats are float32 under every policy, since numpy has no bfloat16."""
    dtype = "float32" if "float" in str(tensor.dtype) else str(tensor.dtype)
    return _known(times(size(tensor.shape), dtype_bytes(dtype)))


def _target_bytes(output_shape: Any, losses: Sequence[str]) -> int:
    """Bytes of the targets of one example that measuring draws for these outputs."""
    if not losses:
        return 0
    shapes = [(1, *shape) for shape in _shapes(output_shape)]
    return sum(target.nbytes for target in draw_targets(np.random.default_rng(0), shapes, losses))


def _shapes(structure: Any) -> Iterator[Sequence[int]]:
    """The shapes in a structure of shapes, in order."""
    parts = list(structure.values()) if isinstance(structure, dict) else list(structure)
    if all(isinstance(part, int | None) for part in parts):
        _known(size(parts))
        yield parts
        return
    for part in parts:
        yield from _shapes(part)
