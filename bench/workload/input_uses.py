"""What a model does with each of its inputs: runs it on shapes, as the counter does, and follows the inputs' values.

Each element of an input is followed through what moves it without changing it (reshapes, slices, casts, concatenations)
and through arithmetic with constants, to the layer or operation that says which values it takes: a table that it is
looked up in, a scale that it is brought to, a mask, a loss.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from anatomy.bench.counting.interpreter import Interpreter
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.workload.input_parts import Note, UsedPart, used_parts
from anatomy.bench.workload.input_values import InputValues, Kind
from anatomy.bench.workload.value_arithmetic import WIDE, asked_before, normal_before, steps, sum_steps
from anatomy.bench.workload.value_moves import constant, moved, moves, step_sources
from anatomy.bench.workload.value_source import Array, Source, Step, merged

# They tell of places, and leave the values as they are.
_COMPARISONS = frozenset(["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalNot", "NotEqual"])
# Kinds of layers that are not opened.
_LEAVES = ("formula", "no kernel", "untraceable")
# Of an input with more elements than these, the elements are not told apart.
_MOST_ELEMENTS = 2**22
# Divisors and centres of images with values from 0 to 255.
_BYTE_SCALES = (127.5, 128.0, 255.0, 256.0)
_BYTE_CENTRES = (127.5, 128.0)
# Of a text that a layer splits into words.
_WORDS = 20


@dataclass
class Uses:
    """What was found.

    Attributes:
        parts: path of an input → its parts, with what the uses of each ask for.
        failed: why the model could not be followed to its end; empty if it could.
    """

    parts: dict[str, list[UsedPart]] = field(default_factory=dict)
    failed: str = ""


@dataclass
class FollowedInput:
    """An input while the model runs.

    Attributes:
        shape: of an example.
        start, count: numbers of its elements, from `start` on; a very large input counts as one.
        notes: what uses ask for.
        others: flags of the elements that unknown uses read: none or one array.
        compared: flags of the elements of each comparison.
    """

    shape: tuple[int, ...]
    dtype: str
    start: int
    count: int
    notes: list[Note] = field(default_factory=list)
    others: list[Array] = field(default_factory=list)
    compared: list[Array] = field(default_factory=list)

    def source(self) -> Source:
        """What the input itself holds."""
        if self.count == math.prod(self.shape):
            return Source(np.arange(self.start, self.start + self.count, dtype=np.int32).reshape(1, *self.shape))
        return Source(np.array([self.start]), exact=False)

    def flags(self, numbers: Array) -> Array:
        """Which of its elements are among these."""
        found = np.zeros(self.count, bool)
        found[numbers[(numbers >= self.start) & (numbers < self.start + self.count)] - self.start] = True
        return found

    def is_whole(self, source: Source) -> bool:
        """Whether a tensor holds this input as it is."""
        return not source.steps and np.array_equal(source.places, self.source().places)

    def parts(self, failed: bool) -> list[UsedPart]:
        """Its parts; all of it is used where the model was not followed to its end."""
        others = [np.ones(self.count, bool)] if failed else self.others
        if self.count == math.prod(self.shape):
            return used_parts(self.shape, self.notes, others, self.compared)
        return [UsedPart(np.arange(math.prod(self.shape)), self.shape, [note.values for note in self.notes])]


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
        with trace.active():
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
        count = math.prod(shape) if math.prod(shape) <= _MOST_ELEMENTS else 1
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
                        _add_note(each, source, flags, asked)

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
            values = next((ask(layer) for kind, ask in _LAYERS.items() if isinstance(layer, kind)), None)
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
            self._follow_through(operation, _operands(operation, args, kwargs), outputs)
        return outputs

    def _follow_through(self, operation: Any, given: Mapping[str, Any], outputs: Any) -> None:
        name = type(operation).__name__
        known = []
        if name in _OPERATIONS:
            for operand, values in _OPERATIONS[name](operation, given):
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


def _add_note(each: FollowedInput, source: Source, flags: Array, values: InputValues) -> None:
    """Add a note to those of an input, or the elements to the note that asks the same."""
    if values.kind == "normal" and source.exact and not each.is_whole(source) and len(source.places):
        each.notes.append(_normal_note(each, source, flags, values))
        return
    for number, note in enumerate(each.notes):
        if note.mean is None and note.values.why == values.why and _same(note.values, values):
            each.notes[number] = replace(note, elements=note.elements | flags)
            return
    each.notes.append(Note(flags, values))


def _same(one: InputValues, other: InputValues) -> bool:
    return (one.kind, one.low, one.high, one.padded) == (other.kind, other.low, other.high, other.padded)


def _normal_note(each: FollowedInput, source: Source, flags: Array, values: InputValues) -> Note:
    """A note with the mean and deviation of each element."""
    real = source.real() & (source.places >= each.start) & (source.places < each.start + each.count)
    found = []
    for array in normal_before(values.mean, values.deviation, source):
        flat = np.zeros(each.count)
        flat[source.places[real] - each.start] = np.broadcast_to(array, source.places.shape)[real]
        found.append(flat)
    return Note(flags, values, *found)


def _arguments(function: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    try:
        return dict(inspect.signature(function).bind_partial(*args, **kwargs).arguments)
    except TypeError:
        return {}


def _operands(operation: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    return _arguments(operation.call, args, kwargs)


def _ids(size: int, what: str, low: int = 0, padded: bool = False) -> InputValues:
    """Ask for ids of a table's rows."""
    return InputValues("ids", what, low=low, high=max(low, size - 1), padded=padded)


def _integers(size: int, what: str, low: int = 0) -> InputValues:
    return InputValues("integers", what, low=low, high=max(low, size - 1))


def _of_embedding(layer: Any) -> InputValues:
    what = f"{type(layer).__name__} {layer.name!r} of {layer.input_dim} rows"
    return _ids(layer.input_dim, what, low=int(layer.mask_zero), padded=layer.mask_zero)


def _of_rescaling(layer: Any) -> InputValues | None:
    """The range that is brought to 0…1, or to -1…1 where the offset is about -1."""
    scale, offset = (np.asarray(value, float) for value in (layer.scale, layer.offset))
    if scale.size != 1 or not 0 < float(scale) < 1:
        return None
    reach = 2.0 if offset.size == 1 and float(offset) <= -0.75 else 1.0
    return InputValues(
        "uniform", f"Rescaling {layer.name!r} by {float(scale):.4g}", high=round(reach / float(scale), 6)
    )


def _of_normalization(layer: Any) -> InputValues | None:
    if getattr(layer, "mean", None) is None:
        return None
    mean, variance = (np.asarray(keras.ops.convert_to_numpy(value))[0] for value in (layer.mean, layer.variance))
    what = f"Normalization {layer.name!r}"
    if layer.invert:
        return InputValues("normal", what)
    return InputValues("normal", what, mean=mean, deviation=np.sqrt(variance))


def _of_categories(layer: Any) -> InputValues | None:
    return (
        _ids(layer.num_tokens, f"CategoryEncoding {layer.name!r} of {layer.num_tokens}") if layer.num_tokens else None
    )


def _of_lookup(layer: Any) -> InputValues | None:
    vocabulary = list(layer.get_vocabulary(include_special_tokens=False))
    if not vocabulary:
        return None
    kind: Kind = "strings" if isinstance(vocabulary[0], str | bytes) else "members"
    splits = isinstance(layer, keras.layers.TextVectorization)
    what = f"vocabulary of {type(layer).__name__} {layer.name!r}"
    return InputValues(kind, what, choices=vocabulary, words=_WORDS if splits else 1)


def _of_bins(layer: Any) -> InputValues | None:
    edges = list(layer.bin_boundaries or [])
    if not edges:
        return None
    width = (edges[-1] - edges[0]) / len(edges) or 1.0
    return InputValues(
        "uniform", f"bins of Discretization {layer.name!r}", low=edges[0] - width, high=edges[-1] + width
    )


def _of_hashing(layer: Any) -> InputValues:
    return _integers(WIDE * layer.num_bins, f"{type(layer).__name__} {layer.name!r} takes any value")


# Layer class → the values that it takes. Later, more general classes come last.
_LAYERS: dict[Any, Callable[[Any], InputValues | None]] = {
    keras.layers.Embedding: _of_embedding,
    keras.layers.Rescaling: _of_rescaling,
    keras.layers.Normalization: _of_normalization,
    keras.layers.CategoryEncoding: _of_categories,
    keras.layers.IntegerLookup: _of_lookup,
    keras.layers.StringLookup: _of_lookup,
    keras.layers.TextVectorization: _of_lookup,
    keras.layers.Discretization: _of_bins,
    keras.layers.Hashing: _of_hashing,
    keras.layers.HashedCrossing: _of_hashing,
}

Asked = list[tuple[Any, InputValues]]


def _of_take(operation: Any, operands: Mapping[str, Any]) -> Asked:
    table, indices = operands.get("x"), operands.get("indices")
    shape = tuple(getattr(table, "shape", (None,)))
    size = math.prod(shape) if operation.axis is None and None not in shape else shape[operation.axis or 0]
    return [(indices, _ids(size, f"index into {size} rows"))] if size else []


def _of_get_item(_: Any, operands: Mapping[str, Any]) -> Asked:
    table, key = operands.get("x"), operands.get("key")
    parts = key if isinstance(key, tuple) else (key,)
    shape = getattr(table, "shape", ())
    return [
        (part, _ids(size, f"index into {size} rows"))
        for part, size in zip(parts, shape, strict=False)
        if isinstance(part, keras.KerasTensor) and size
    ]


def _of_one_hot(operation: Any, operands: Mapping[str, Any]) -> Asked:
    return [(operands.get("x"), _ids(operation.num_classes, f"one-hot of {operation.num_classes}"))]


def _of_product(_: Any, operands: Mapping[str, Any]) -> Asked:
    """`x / 255` and `x * (1 / 255)`: images of bytes."""
    left, right = operands.get("x1"), operands.get("x2")
    return _bytes_if(left, right, _is_byte_divisor) if _number(right) is not None else []


def _of_multiply(_: Any, operands: Mapping[str, Any]) -> Asked:
    left, right = operands.get("x1"), operands.get("x2")
    tensor, factor = (left, right) if _number(right) is not None else (right, left)
    return _bytes_if(tensor, factor, lambda value: value != 0 and _is_byte_divisor(1 / value))


def _of_subtract(_: Any, operands: Mapping[str, Any]) -> Asked:
    return _bytes_if(operands.get("x1"), operands.get("x2"), lambda value: value in _BYTE_CENTRES)


def _bytes_if(tensor: Any, number: Any, fits: Callable[[float], bool]) -> Asked:
    value = _number(number)
    if value is None or not fits(value):
        return []
    return [(tensor, InputValues("uniform", f"arithmetic with {value:.4g}, the scale of bytes", high=255.0))]


def _is_byte_divisor(value: float) -> bool:
    return any(abs(value / scale - 1) < 1e-3 for scale in _BYTE_SCALES)


def _number(value: Any) -> float | None:
    """A constant: a number, or an array of one."""
    array = constant(value)
    return float(array.ravel()[0]) if array is not None and array.size == 1 else None


def _of_binary(_: Any, operands: Mapping[str, Any]) -> Asked:
    return [(operands.get("target"), InputValues("integers", "targets of a binary cross-entropy", high=1))]


def _of_categorical(operation: Any, operands: Mapping[str, Any]) -> Asked:
    """Rows of one class, where the classes lie on the last axis."""
    shape = tuple(getattr(operands.get("output"), "shape", (None,)))
    what = f"targets of a categorical cross-entropy of {shape[operation.axis]} classes"
    if shape[operation.axis] and operation.axis in (-1, len(shape) - 1):
        return [(operands.get("target"), InputValues("one_hot", what, high=shape[-1] - 1))]
    return [(operands.get("target"), InputValues("integers", what, high=1))]


def _of_sparse(operation: Any, operands: Mapping[str, Any]) -> Asked:
    classes = tuple(getattr(operands.get("output"), "shape", (None,)))[operation.axis]
    if not classes:
        return []
    what = f"targets of a sparse categorical cross-entropy of {classes} classes"
    return [(operands.get("target"), _integers(classes, what))]


def _of_ctc(_: Any, operands: Mapping[str, Any]) -> Asked:
    """Labels are classes but the blank one, 0; lengths are those of the tensors."""
    target, output = operands.get("target"), operands.get("output")
    found: Asked = []
    for name, tensor, why in (("target_length", target, "labels"), ("output_length", output, "outputs")):
        length = getattr(tensor, "shape", (None, None))[1]
        if length:
            low = 1 if name == "target_length" else length
            found.append((operands.get(name), _integers(length + 1, f"length of CTC's {why}", low=low)))
    classes = getattr(output, "shape", (None,))[-1]
    return [*found, (target, _integers(classes, f"CTC's labels of {classes} classes", low=1))] if classes else found


_OPERATIONS: dict[str, Callable[[Any, Mapping[str, Any]], Asked]] = {
    "Take": _of_take,
    "TakeAlongAxis": _of_take,
    "GetItem": _of_get_item,
    "OneHot": _of_one_hot,
    "Divide": _of_product,
    "TrueDivide": _of_product,
    "Multiply": _of_multiply,
    "Subtract": _of_subtract,
    "BinaryCrossentropy": _of_binary,
    "CategoricalCrossentropy": _of_categorical,
    "SparseCategoricalCrossentropy": _of_sparse,
    "CTCLoss": _of_ctc,
}
