"""What a model does with each of its inputs: runs it on shapes, as the counter does, and follows the inputs' values.

Each element of an input is followed through what moves it without changing it (reshapes, slices, casts, concatenations)
and through arithmetic with constants, to the layer or operation that says which values it takes: a table that it is
looked up in, a scale that it is brought to, a mask, a loss.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from anatomy.bench.counting.interpreter import Interpreter
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.workload.followed_input import MOST_ELEMENTS, FollowedInput
from anatomy.bench.workload.input_parts import UsedPart
from anatomy.bench.workload.input_values import InputValues
from anatomy.bench.workload.layer_uses import asked_by_layer
from anatomy.bench.workload.loss_uses import hinge_targets
from anatomy.bench.workload.operation_uses import asked_by_operation
from anatomy.bench.workload.value_arithmetic import asked_before, steps, sum_steps
from anatomy.bench.workload.value_moves import constant, moved, moves, step_sources
from anatomy.bench.workload.value_source import Array, Source, Step, merged

# They tell of places, and leave the values as they are.
_COMPARISONS = frozenset(["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalNot", "NotEqual"])
# Kinds of layers that are not opened.
_LEAVES = ("formula", "no kernel", "untraceable")


@dataclass
class Uses:
    """What was found.

    Attributes:
        parts: path of an input → its parts, with what the uses of each ask for.
        failed: why the model could not be followed to its end; empty if it could.
    """

    parts: dict[str, list[UsedPart]] = field(default_factory=dict)
    failed: str = ""


def find_uses(model: Any, inputs: Any, paths: Mapping[int, str]) -> Uses:
    """Follow a model's inputs.

    Args:
        inputs: symbolic tensors of one example, in the structure that the model takes.
        paths: id of each tensor → its path.
    """
    trace = UseTrace(symbolic_tensors(inputs)[0].shape[0])
    for tensor in symbolic_tensors(inputs):
        trace.follow(tensor)
    failed = ""
    try:
        with trace.active(), hinge_targets(trace.note):
            model(inputs)
    except Exception as error:  # noqa: BLE001  # the boundary: a model that runs may not run on shapes
        failed = f"{type(error).__name__}: {error}"
    parts = {
        paths[id(tensor)]: each.parts(bool(failed))
        for tensor, each in zip(symbolic_tensors(inputs), trace.inputs, strict=True)
    }
    return Uses(parts, failed)


class UseTrace(Interpreter):
    """Follows tensors from the inputs on.

    Attributes:
        inputs: in order.
        held: id of a tensor → the tensor, and the elements that it holds.
    """

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.inputs: list[FollowedInput] = []
        self.held: dict[int, tuple[Any, tuple[Source, ...]]] = {}

    def follow(self, tensor: Any) -> None:
        """Follow one more input."""
        shape = tuple(tensor.shape[1:])
        count = math.prod(shape) if math.prod(shape) <= MOST_ELEMENTS else 1
        start = self.inputs[-1].start + self.inputs[-1].count if self.inputs else 0
        self.inputs.append(FollowedInput(shape, str(tensor.dtype), start, count))
        self.held[id(tensor)] = tensor, (self.inputs[-1].source(),)

    def sources(self, structure: Any) -> list[Source]:
        """The elements of inputs that a structure of tensors holds."""
        held = (self.held.get(id(tensor)) for tensor in symbolic_tensors(structure))
        return [source for entry in held if entry is not None for source in entry[1]]

    def hold(self, tensor: Any, sources: Iterable[Source | None]) -> None:
        """Note what a tensor holds, beside what is known of it."""
        known = self.sources(tensor)
        fresh = [source for source in sources if source is not None and not any(source is each for each in known)]
        self.held[id(tensor)] = tensor, merged([*known, *fresh])

    def note(self, structure: Any, values: InputValues) -> None:
        """Note one use of the elements that these tensors hold."""
        for source in self.sources(structure):
            for each in self.inputs:
                for at, asked in asked_before(values, source, each.dtype):
                    flags = each.flags(source.places[at])
                    if flags.any():
                        each.add_note(source, flags, asked)

    def note_other(self, structure: Any, *, compared: bool = False) -> None:
        """Note that something unknown reads these tensors, or that they are compared with something."""
        for source in self.sources(structure):
            for each in self.inputs:
                flags = each.flags(source.places)
                if not flags.any():
                    continue
                if compared:
                    each.compared.append(flags)
                else:
                    each.others = [flags | each.others[0] if each.others else flags]

    def cast(self, layer: Any, source: Any, result: Any) -> None:
        """A layer reads a tensor in its own dtype."""
        super().cast(layer, source, result)
        self.hold(result, self.sources(source))

    def share(self, source: Any, result: Any) -> None:
        """One tensor is a part of the other, or is made of it by repetition."""
        super().share(source, result)
        shape = tuple(result.shape)
        for found in self.sources(source):
            if found.places.shape == shape:
                self.hold(result, [found])
            else:
                self.hold(result, step_sources(found, source.shape[1] if len(source.shape) > 1 else 0, shape))

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Note what a layer asks of its inputs."""
        name = type(layer).__name__
        self._note_masks(layer, args, kwargs)
        if self.sources((args, kwargs)):
            values = asked_by_layer(layer)
            if values is not None:
                self.note(args or kwargs, values)
            elif not moves(name) and classify(layer)[0] in _LEAVES:
                self.note_other((args, kwargs))
        outputs = super().visit_layer(layer, args, kwargs)
        if moves(name) and self.sources((args, kwargs)):
            self._move(name, layer, _arguments(layer.call, args, kwargs), outputs)
        return outputs

    def visit_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Note what an operation asks of its operands."""
        outputs = super().visit_operation(operation, args, kwargs)
        if self.sources((args, kwargs)) and not isinstance(operation, keras.Function):
            self._follow_through(operation, _arguments(operation.call, args, kwargs), outputs)
        return outputs

    def _follow_through(self, operation: Any, given: Mapping[str, Any], outputs: Any) -> None:
        name = type(operation).__name__
        known = []
        for operand, values in asked_by_operation(operation, given):
            self.note(operand, values)
            known.append(operand)
        if moves(name):
            self._move(name, operation, given, outputs)
            known.append(next(iter(given.values()), None))
        for operand, step in steps(name, operation, given, self._constant) or self._sum_steps(name, given):
            shape = tuple(symbolic_tensors(outputs)[0].shape)
            self.hold(symbolic_tensors(outputs)[0], [source.after(step, shape) for source in self.sources(operand)])
            known.append(operand)
        seen = {id(tensor) for tensor in symbolic_tensors(known)}
        rest = [tensor for tensor in symbolic_tensors(dict(given)) if id(tensor) not in seen]
        self.note_other(rest, compared=name in _COMPARISONS)

    def _move(self, name: str, mover: Any, given: Mapping[str, Any], outputs: Any) -> None:
        if not given:
            return
        results = symbolic_tensors(outputs)
        shapes = [tuple(result.shape) for result in results]
        for number, operand in enumerate(keras.tree.flatten(next(iter(given.values())))):
            for source in self.sources(operand):
                found = moved(name, mover, given, number, source, shapes)
                for result, part in zip(results, found, strict=True):
                    self.hold(result, [part])

    def _sum_steps(self, name: str, given: Mapping[str, Any]) -> list[tuple[Any, Step]]:
        """The steps of a sum of integers that both come from inputs."""
        operands = [given.get("x1"), given.get("x2")]
        if name != "Add" or not all("int" in str(getattr(operand, "dtype", "")) for operand in operands):
            return []
        left, right = map(self.sources, operands)
        return list(zip(operands, sum_steps(left, right), strict=True)) if left and right else []

    def _constant(self, value: Any) -> Array | None:
        """The value of a constant, or of a weight that training leaves as it is."""
        weights = {id(tensor): variable for variable, tensor in self._weights.values()}
        variable = weights.get(id(value), value)
        if not isinstance(variable, keras.Variable):
            return constant(value)
        if variable.trainable or variable._value is None:
            return None
        with self.set_visiting(False):
            return constant(keras.ops.convert_to_numpy(keras.ops.copy(variable)))

    def _trace(self, layer: Any, args: Any, kwargs: Any, failure: Exception) -> Any:
        self.note_other((args, kwargs))
        return super()._trace(layer, args, kwargs, failure)

    def _note_masks(self, layer: Any, args: Any, kwargs: Any) -> None:
        named = _arguments(layer.call, args, kwargs) if "mask" in str(inspect.signature(layer.call)) else {}
        for name, value in named.items():
            if "mask" in name:
                self.note(value, InputValues("mask", f"{name} of {layer.name}"))


def _arguments(function: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    try:
        return dict(inspect.signature(function).bind_partial(*args, **kwargs).arguments)
    except TypeError:
        return {}
