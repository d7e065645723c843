"""Runs a model on shapes, as the counter does, and records which buffers each call reads, writes and keeps."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from anatomy.bench.counting.formulas import FORMULAS
from anatomy.bench.counting.interpreter import Interpreter
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import LayerCounts, symbolic_tensors
from anatomy.bench.counting.shapes import item_bytes, size, stored_dtype, variable_bytes
from anatomy.bench.counting.wrappers import custom_cell
from anatomy.bench.memory_estimate.affine_size import AffineSize
from anatomy.bench.memory_estimate.buffer_graph import Buffer, Call, Graph
from anatomy.bench.memory_estimate.layer_workspace import workspace_bytes
from anatomy.bench.memory_estimate.saved_tensors import COPY, UNKNOWN, Rule, layer_rule, operation_rule

LOSS = "loss"


@dataclass(frozen=True)
class Noted:
    """A call and the weights it multiplies with."""

    call: Call
    weights: tuple[Any, ...] = ()


@dataclass
class CallCounts(LayerCounts):
    """The counter's rows, and the calls beside them: both are taken back if opening a layer fails half-way."""

    calls: list[Noted] = field(default_factory=list)


class ShapeTrace(Interpreter):
    """The calls of one forward pass, in training or in inference.

    Attributes:
        buffers: the buffers that the calls name by their number.
        owned: layer → its weights; a shared weight belongs to the first layer that uses it.
        types: layer → its class.
        unseen: layers whose own operations cannot be seen.
    """

    counts: CallCounts

    def __init__(self, batch: int, training: bool) -> None:
        super().__init__(batch)
        self.counts = CallCounts()
        self.training = training
        self.buffers: list[Buffer] = []
        self.owned: dict[str, list[Any]] = {}
        self.types: dict[str, str] = {}
        self.unseen: list[str] = []
        self._numbers: dict[int, int] = {}
        # Holding the tensors and weights keeps their ids unique.
        self._held: list[Any] = []
        self._known_weights: set[int] = set()

    def graph(self, inputs: Any, outputs: Any) -> Graph:
        """The recorded calls; in training with the loss, which reads the outputs and keeps as much again."""
        ends = {self._number(tensor) for tensor in symbolic_tensors(outputs)}
        if self.training:
            total = sum(self.buffers[number].size.fixed_bytes for number in ends)
            numbers = tuple(sorted(ends))
            loss = Call(LOSS, numbers, (), keeps=numbers, own=AffineSize(total), differentiable=True)
            self.counts.calls.append(Noted(loss))
        return Graph(
            buffers=tuple(self.buffers),
            calls=tuple(_with_gradients(self.counts.calls, self._trainable())),
            inputs=frozenset(self._number(tensor) for tensor in symbolic_tensors(inputs)),
            outputs=frozenset() if self.training else frozenset(ends),
        )

    def note_inputs(self, inputs: Any) -> None:
        """Give the batch its buffers."""
        for tensor in symbolic_tensors(inputs):
            self._new(tensor, differentiable=False)

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Record one call of a layer, and what is called inside."""
        before = len(self.counts.calls)
        name = self._name(layer)
        outputs = super().visit_layer(layer, args, self._with_training(layer, kwargs))
        self._own(layer, name)
        if any(id(tensor) not in self._numbers for tensor in symbolic_tensors(outputs)):
            self._record_whole(layer, name, (args, kwargs), outputs, before)
        return outputs

    def leaf(self, layer: Any, args: Any, kwargs: Any, formula: str | None) -> Any:
        """Record a layer of Keras by its rule, a recurrent one by the steps of its cell."""
        if hasattr(layer, "cell") and not str(formula).startswith("ConvLSTM"):
            return custom_cell(self, layer, args, kwargs)
        name = self._name(layer)
        outputs = super().leaf(layer, args, kwargs, formula)
        _, public = classify(layer)
        rule = layer_rule(layer, public, kernel=formula in FORMULAS, training=self.training)
        inputs = symbolic_tensors((args, kwargs))
        workspace = workspace_bytes(layer, inputs, outputs)
        self._record(rule, name, inputs, symbolic_tensors(outputs), layer.weights, workspace)
        return outputs

    def visit_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Record an operation by its rule, as a part of the layer that calls it."""
        if isinstance(operation, keras.Function):
            return self.visit_layer(operation, args, kwargs)
        is_node = id(operation) in self.frames[-1].operations
        name = self._name(operation if is_node else None)
        outputs = super().visit_operation(operation, args, kwargs)
        self.types.setdefault(name, type(operation).__name__)
        weights = [value for value in keras.tree.flatten((args, kwargs)) if isinstance(value, keras.Variable)]
        inputs = symbolic_tensors((args, kwargs))
        rule = operation_rule(type(operation).__name__)
        workspace = workspace_bytes(operation, inputs, outputs)
        self._record(rule, name, inputs, symbolic_tensors(outputs), weights, workspace)
        return outputs

    def cast(self, layer: Any, source: Any, result: Any) -> None:
        """Record a copy in another dtype, made for a layer."""
        super().cast(layer, source, result)
        self._record(COPY, self._name(layer), [source], [result])

    def weight(self, variable: Any) -> Any:
        """Reading a weight takes no memory besides its own."""
        tensor = super().weight(variable)
        if id(tensor) not in self._numbers:
            self.buffers.append(Buffer(AffineSize(0), AffineSize(0), bool(variable.trainable)))
            self._alias(tensor, len(self.buffers) - 1)
        return tensor

    def share(self, source: Any, result: Any) -> None:
        """Put both tensors into one buffer."""
        super().share(source, result)
        self._alias(result, self._number(source) if id(source) in self._numbers else self._new(source))

    def _with_training(self, layer: Any, kwargs: Any) -> Any:
        """Keyword arguments with the mode in `training`, unless the call says another, as of a frozen base model."""
        takes = "training" in inspect.signature(layer.call).parameters
        return {**kwargs, "training": self.training} if takes and kwargs.get("training") is None else kwargs

    def _record_whole(self, layer: Any, name: str, given: Any, outputs: Any, before: int) -> None:
        """Record a layer whose outputs no call inside it wrote: it makes them from what nothing else reads."""
        inside = [noted.call for noted in self.counts.calls[before:]]
        read = {number for call in inside for number in call.reads}
        unread = [number for call in inside for number in call.writes if number not in read]
        kind, _ = classify(layer)
        known = kind == "wrapper" or hasattr(layer, "cell")
        if not known:
            self.unseen.append(name)
        weights = [] if inside else layer.weights
        self._record(
            COPY if known else UNKNOWN, name, symbolic_tensors(given), symbolic_tensors(outputs), weights, more=unread
        )

    def _record(
        self,
        rule: Rule,
        name: str,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        weights: Sequence[Any] = (),
        workspace: int = 0,
        more: Sequence[int] = (),
    ) -> None:
        """Record one call that makes `workspace` bytes per step inside; it reads its inputs and the buffers `more`."""
        unknown = [self._new(tensor) for tensor in inputs if id(tensor) not in self._numbers]
        reads = tuple(dict.fromkeys([*map(self._number, inputs), *more]))
        trains = any(weight.trainable for weight in weights)
        differentiable = trains or any(self.buffers[number].differentiable for number in reads)
        written = [self._write(rule, tensor, reads, differentiable) for tensor in outputs]
        differentiable = self.training and any(self.buffers[number].differentiable for number in written)
        own = int(rule.own_outputs * _bytes(outputs)) + rule.mask * sum(map(_elements, outputs)) + workspace
        own = own * self._loops() * self._repeats() + _cast_bytes(weights, outputs)
        call = Call(
            layer=name,
            reads=reads,
            writes=(*dict.fromkeys([*unknown, *written]),),
            keeps=self._keeps(rule, reads, written, trains) if differentiable else (),
            own=AffineSize(own),
            in_place=rule.in_place,
            differentiable=differentiable,
        )
        # A tensor from nowhere would be taken for the output, which is the first buffer that a call writes.
        if unknown and rule.in_place:
            call = replace(call, in_place=False)
        self.counts.calls.append(Noted(call, tuple(weights)))

    def _write(self, rule: Rule, tensor: Any, reads: Sequence[int], differentiable: bool) -> int:
        """The buffer of an output: that of its input for a view, and for a layer that returns its input."""
        if id(tensor) in self._numbers:
            return self._number(tensor)
        if rule.view and reads:
            return self._alias(tensor, reads[0])
        return self._new(tensor, differentiable=differentiable and "float" in str(tensor.dtype))

    def _keeps(self, rule: Rule, reads: Sequence[int], written: Sequence[int], trains: bool) -> tuple[int, ...]:
        keeps = list(written) if rule.output else []
        for number in reads:
            others = trains or any(self.buffers[other].differentiable for other in reads if other != number)
            if rule.inputs == "all" or (rule.inputs == "crosswise" and others):
                keeps.append(number)
        return tuple(dict.fromkeys(keeps))

    def _new(self, tensor: Any, differentiable: bool = False) -> int:
        """A new buffer for a tensor; in a loop over time every step keeps one."""
        size_bytes = _bytes([tensor]) * self._repeats()
        buffer = Buffer(AffineSize(size_bytes), AffineSize(size_bytes * self._loops()), differentiable)
        self.buffers.append(buffer)
        return self._alias(tensor, len(self.buffers) - 1)

    def _alias(self, tensor: Any, number: int) -> int:
        self._held.append(tensor)
        self._numbers[id(tensor)] = number
        return number

    def _number(self, tensor: Any) -> int:
        return self._numbers[id(tensor)]

    def _repeats(self) -> int:
        """Number of steps that are computed at once, each with its own tensors (`TimeDistributed`)."""
        return _product(length for frame, length in self._timed() if not hasattr(frame.layer, "cell"))

    def _loops(self) -> int:
        """Number of steps that are computed one after the other."""
        return _product(length for frame, length in self._timed() if hasattr(frame.layer, "cell"))

    def _timed(self) -> Iterator[tuple[Any, int | None]]:
        repeating = [f for f in self.frames if hasattr(f.layer, "cell") or classify(f.layer)[1] == "TimeDistributed"]
        return zip(repeating, self.steps, strict=False)

    def _name(self, layer: Any) -> str:
        """The path of a layer below the outermost model; inside a folded layer, that layer's path."""
        folded = next((frame.name for frame in self.frames if frame.folded), None)
        if folded is not None:
            return folded
        inner = [frame.layer.name for frame in self.frames[1:]]
        return "/".join([*inner, layer.name] if layer is not None else inner) or self.frames[0].layer.name

    def _own(self, layer: Any, name: str) -> None:
        """Give a layer its weights that no layer before or inside it has."""
        self.types.setdefault(name, type(layer).__name__)
        fresh = [weight for weight in layer.weights if id(weight) not in self._known_weights]
        self._known_weights.update(map(id, fresh))
        self._held += fresh
        if fresh:
            self.owned.setdefault(name, []).extend(fresh)

    def _trainable(self) -> list[Any]:
        return [weight for weights in self.owned.values() for weight in weights if weight.trainable]


def _with_gradients(calls: Sequence[Noted], trainable: Sequence[Any]) -> list[Call]:
    """The calls with the gradients of their weights; a weight's gradient appears with its last call."""
    last = {id(weight): index for index, noted in enumerate(calls) for weight in noted.weights if weight.trainable}
    gradients = [0] * len(calls)
    for weight in trainable:
        # The gradient of a weight without a call is there for the update.
        gradients[last.get(id(weight), 0)] += variable_bytes(weight)
    return [replace(noted.call, gradient_bytes=gradient) for noted, gradient in zip(calls, gradients, strict=True)]


def _cast_bytes(weights: Sequence[Any], outputs: Sequence[Any]) -> int:
    """Bytes of copies of the weights in the dtype that the call computes in, if it is another."""
    floating = [str(tensor.dtype) for tensor in outputs if "float" in str(tensor.dtype)]
    if not floating:
        return 0
    stored = [(weight, stored_dtype(weight)) for weight in weights if len(weight.shape) > 1]
    cast = [weight for weight, dtype in stored if "float" in dtype and dtype != floating[0]]
    return sum((size(weight.shape) or 0) * item_bytes(floating[0]) for weight in cast)


def _bytes(tensors: Sequence[Any]) -> int:
    return sum(_elements(tensor) * item_bytes(str(tensor.dtype)) for tensor in tensors)


def _elements(tensor: Any) -> int:
    elements = size(tensor.shape)
    if elements is None:
        raise ValueError(
            f"a tensor of shape {tuple(tensor.shape)} has no known size: give the open lengths by --input-shape"
        )
    return elements


def _product(lengths: Iterator[int | None]) -> int:
    elements = size(lengths)
    if elements is None:
        raise ValueError("the length of a sequence is not known: give it by --input-shape")
    return elements
