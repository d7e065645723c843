"""The memory of a model's step at any batch size: traced once on shapes, without weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from anatomy.bench.counting.abstract_model import abstract_model, dtype_policy
from anatomy.bench.counting.counter import InputShape, symbolic_inputs
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.shapes import item_bytes, size, variable_bytes
from anatomy.bench.memory_estimate.affine_size import AffineSize
from anatomy.bench.memory_estimate.buffer_graph import Graph, merge
from anatomy.bench.memory_estimate.estimate import LayerMemory, MemoryEstimate, StepMode
from anatomy.bench.memory_estimate.liveness import kept_bytes, timeline, written_bytes
from anatomy.bench.memory_estimate.optimizer_state import slot_bytes
from anatomy.bench.memory_estimate.shape_trace import LOSS, ShapeTrace
from anatomy.bench.statistics.batch_size_search import largest
from anatomy.bench.workload.compile_model import compile_model
from anatomy.bench.workload.learnable_data import draw_targets
from anatomy.models import build_any, parse_model

# The search ends here: memory does not limit a model that takes this many examples.
LARGEST_BATCH = 2**20


@dataclass(frozen=True)
class StepMemory:
    """What a step takes, as a function of the batch size.

    Attributes:
        mode: `train` or `infer`.
        graph: its calls.
        layers: parameters, gradients and optimizer state of each; their activations depend on the batch.
        optimizer: its class and the bytes that it keeps; `None` in inference.
        batch: inputs and targets.
        fixed_batch: the one batch size that the model takes; `None` if it takes any.
        unseen: layers whose own operations are not seen.
    """

    mode: StepMode
    dtype: str
    graph: Graph
    layers: tuple[LayerMemory, ...]
    optimizer: tuple[str, int] | None
    batch: AffineSize
    fixed_batch: int | None = None
    unseen: tuple[str, ...] = ()

    def at(self, batch_size: int) -> MemoryEstimate:
        """The estimate for one batch size.

        Raises:
            ValueError: the model's batch size is fixed to another.
        """
        if self.fixed_batch not in (None, batch_size):
            raise ValueError(
                f"the model's batch size is fixed to {self.fixed_batch}; give --batch-size {self.fixed_batch}"
            )
        trains = self.mode == "train"
        moments = timeline(self.graph, batch_size, training=trains)
        left = (kept_bytes if trains else written_bytes)(self.graph, batch_size)
        kept = sum(left.values())
        layers = [replace(layer, activation_bytes=left.pop(layer.name, 0)) for layer in self.layers]
        # A model's conversion of its inputs to tensors is no layer if it takes nothing.
        layers = [layer for layer in layers if layer.type != "ConvertToTensor" or layer.activation_bytes]
        layers += [LayerMemory(name, "", 0, 0, 0, size_bytes) for name, size_bytes in left.items() if size_bytes]
        return MemoryEstimate(
            mode=self.mode,
            batch_size=batch_size,
            dtype=self.dtype,
            parameter_bytes=sum(layer.parameter_bytes for layer in self.layers),
            gradient_bytes=sum(layer.gradient_bytes for layer in self.layers),
            optimizer_bytes=self.optimizer[1] if self.optimizer else 0,
            optimizer=self.optimizer[0] if self.optimizer else None,
            batch_bytes=self.batch.at(batch_size),
            activation_bytes=kept if trains else max(moment.activations for moment in moments.moments),
            timeline=moments,
            eager_timeline=timeline(self.graph, batch_size, training=trains, eager=True),
            layers=tuple(layers),
            unseen=self.unseen,
        )

    def largest_batch(self, limit_bytes: int, *, eager: bool = False) -> int | None:
        """The largest batch whose peak is within a limit, at most `LARGEST_BATCH`; `None` if one example is too much.

        Args:
            limit_bytes: what the peak may be.
            eager: whether to take the peak of a step that is not run as one graph.

        Raises:
            ValueError: the model's batch size is fixed.
        """
        if self.fixed_batch is not None:
            raise ValueError(f"the model's batch size is fixed to {self.fixed_batch}")
        return largest(lambda batch_size: self.at(batch_size).peak_where(eager=eager) <= limit_bytes, LARGEST_BATCH)


def step_memory(
    model: str, mode: StepMode, batch_size: int = 1, input_shape: InputShape | None = None, dtype: str | None = None
) -> StepMemory:
    """Trace a model of the zoo or of the user.

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
        return memory_of(build_any(spec.model, options), mode, input_shape)


def memory_of(model: keras.Model, mode: StepMode, input_shape: InputShape | None = None) -> StepMemory:
    """Trace a built model; one that was built within `abstract_model()` must be traced within it."""
    losses = _losses(model) if mode == "train" else []
    declared = getattr(model, "inputs", None) or []
    fixed = next((tensor.shape[0] for tensor in declared if tensor.shape[0] is not None), None)
    first, graph, batch_bytes = _trace(model, mode, 1, input_shape, losses)
    if fixed is not None:
        batch = AffineSize(batch_bytes)
    else:
        _, graph_of_2, batch_bytes_of_2 = _trace(model, mode, 2, input_shape, losses)
        graph = merge(graph, graph_of_2, model.name)
        batch = AffineSize.through(batch_bytes, batch_bytes_of_2)
    trainable = [weight for weights in first.owned.values() for weight in weights if weight.trainable]
    optimizer, slots = None, None
    if mode == "train":
        total, slots = slot_bytes(model.optimizer, trainable)
        optimizer = type(model.optimizer).__name__, total
    by_weight = dict(zip(map(id, trainable), slots, strict=True)) if slots is not None else None
    return StepMemory(
        mode=mode,
        dtype=keras.config.dtype_policy().name,
        graph=graph,
        layers=tuple(_layers(first, graph, mode, by_weight)),
        optimizer=optimizer,
        batch=batch,
        fixed_batch=fixed,
        unseen=tuple(dict.fromkeys(first.unseen)),
    )


def _trace(
    model: keras.Model, mode: StepMode, batch_size: int, input_shape: InputShape | None, losses: Sequence[str]
) -> tuple[ShapeTrace, Graph, int]:
    """The trace of one forward pass, its graph, and the bytes of its inputs and targets."""
    inputs = symbolic_inputs(model, input_shape, batch_size)
    trace = ShapeTrace(symbolic_tensors(inputs)[0].shape[0], mode == "train")
    trace.note_inputs(inputs)
    with trace.active():
        outputs = model(inputs)
    return trace, trace.graph(inputs, outputs), _input_bytes(inputs) + _target_bytes(outputs, losses)


def _layers(trace: ShapeTrace, graph: Graph, mode: StepMode, slots: dict[int, int] | None) -> list[LayerMemory]:
    """The layers in order of their calls, without the activations that depend on the batch."""
    names = dict.fromkeys([*(call.layer for call in graph.calls if call.layer != LOSS), *trace.owned])
    rows = []
    for name in names:
        weights = trace.owned.get(name, [])
        trainable = [weight for weight in weights if weight.trainable] if mode == "train" else []
        kept = None if slots is None and mode == "train" else sum((slots or {}).get(id(w), 0) for w in trainable)
        parameters, gradients = sum(map(variable_bytes, weights)), sum(map(variable_bytes, trainable))
        rows.append(LayerMemory(name, trace.types.get(name, ""), parameters, gradients, kept, 0))
    return rows


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


def _input_bytes(inputs: Any) -> int:
    """Bytes of the input arrays; floats are float32 under every policy, since numpy has no bfloat16."""
    total = 0
    for tensor in symbolic_tensors(inputs):
        dtype = "float32" if "float" in str(tensor.dtype) else str(tensor.dtype)
        total += (size(tensor.shape) or 0) * item_bytes(dtype)
    return total


def _target_bytes(outputs: Any, losses: Sequence[str]) -> int:
    """Bytes of the targets that measuring draws for these outputs."""
    if not losses:
        return 0
    shapes = [tuple(tensor.shape) for tensor in symbolic_tensors(outputs)]
    return sum(target.nbytes for target in draw_targets(np.random.default_rng(0), shapes, losses))
