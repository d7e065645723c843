"""What a model does with each of its inputs: runs it on shapes, as the counter does, and follows the inputs' values.

A value is followed through what moves it without changing it (reshapes, slices, casts, concatenations) to the layer or
operation that says which values it takes: a table that it is looked up in, a scale that it is brought to, a mask.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from anatomy.bench.counting.interpreter import Interpreter
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.workload.input_values import InputValues, Kind

MOVING_LAYERS = frozenset(
    [
        "Concatenate",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "Flatten",
        "Identity",
        "Masking",
        "Permute",
        "RepeatVector",
        "Reshape",
        "SpatialDropout1D",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "ZeroPadding3D",
        "CenterCrop",
        "Resizing",
        "RandomCrop",
        "RandomFlip",
        "RandomRotation",
        "RandomZoom",
        "RandomTranslation",
        "RandomContrast",
        "RandomBrightness",
        "MaxPooling2D",
        "AveragePooling2D",
    ]
)
MOVING_OPERATIONS = frozenset(
    [
        "BroadcastTo",
        "Cast",
        "Concatenate",
        "ConvertToTensor",
        "Copy",
        "ExpandDims",
        "Flip",
        "GetItem",
        "Identity",
        "Moveaxis",
        "Pad",
        "Ravel",
        "Repeat",
        "Reshape",
        "Roll",
        "Slice",
        "Split",
        "Squeeze",
        "Stack",
        "StopGradient",
        "Swapaxes",
        "Tile",
        "Transpose",
        "Unstack",
    ]
)
# Divisors and centres of images with values from 0 to 255.
_BYTE_SCALES = (127.5, 128.0, 255.0, 256.0)
_BYTE_CENTRES = (127.5, 128.0)
# Of a text that a layer splits into words.
_WORDS = 20


@dataclass
class Uses:
    """What was found.

    Attributes:
        values: path of an input → what each of its uses asks for, in order.
        failed: why the model could not be followed to its end; empty if it could.
    """

    values: dict[str, list[InputValues]] = field(default_factory=dict)
    failed: str = ""

    def note(self, paths: frozenset[str], values: InputValues) -> None:
        """Note one use of these inputs."""
        for path in paths:
            self.values.setdefault(path, []).append(values)


def find_uses(model: Any, inputs: Any, paths: Mapping[int, str]) -> Uses:
    """Follow a model's inputs.

    Args:
        inputs: symbolic tensors in the structure that the model takes.
        paths: id of each tensor → its path.
    """
    batch = symbolic_tensors(inputs)[0].shape[0]
    trace = UseTrace(batch)
    for tensor in symbolic_tensors(inputs):
        trace.held[id(tensor)] = tensor, frozenset({paths[id(tensor)]})
    try:
        with trace.active():
            model(inputs)
    except Exception as error:  # noqa: BLE001  # the boundary: a model that runs may not run on shapes
        trace.uses.failed = f"{type(error).__name__}: {error}"
    return trace.uses


class UseTrace(Interpreter):
    """Follows tensors from the inputs on.

    Attributes:
        held: id of a tensor → the tensor, and the paths of the inputs whose values it holds.
    """

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.uses = Uses()
        self.held: dict[int, tuple[Any, frozenset[str]]] = {}

    def paths_in(self, structure: Any) -> frozenset[str]:
        """The inputs whose values a structure of tensors holds."""
        held = [self.held[id(tensor)][1] for tensor in symbolic_tensors(structure) if id(tensor) in self.held]
        return frozenset().union(*held)

    def pass_on(self, source: Any, result: Any) -> None:
        """Note that `result` holds the values of `source`."""
        if paths := self.paths_in(source):
            self.held |= {id(tensor): (tensor, paths) for tensor in symbolic_tensors(result)}

    def cast(self, layer: Any, source: Any, result: Any) -> None:
        """A layer reads a tensor in its own dtype."""
        super().cast(layer, source, result)
        self.pass_on(source, result)

    def share(self, source: Any, result: Any) -> None:
        """One tensor is a part of the other."""
        super().share(source, result)
        self.pass_on(source, result)

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Note what a layer asks of its inputs."""
        self._note_masks(layer, args, kwargs)
        if paths := self.paths_in(args or kwargs):
            values = next((ask(layer) for kind, ask in _LAYERS.items() if isinstance(layer, kind)), None)
            if values is not None:
                self.uses.note(paths, values)
        outputs = super().visit_layer(layer, args, kwargs)
        if type(layer).__name__ in MOVING_LAYERS:
            self.pass_on((args, kwargs), outputs)
        return outputs

    def visit_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Note what an operation asks of its operands."""
        outputs = super().visit_operation(operation, args, kwargs)
        name = type(operation).__name__
        if name in MOVING_OPERATIONS:
            self.pass_on(_moved(name, args, kwargs), outputs)
        if self.paths_in((args, kwargs)) and name in _OPERATIONS:
            operands = _operands(operation, args, kwargs)
            for operand, values in _OPERATIONS[name](operation, operands):
                self.uses.note(self.paths_in(operand), values)
        return outputs

    def _note_masks(self, layer: Any, args: Any, kwargs: Any) -> None:
        named = _arguments(layer.call, args, kwargs) if "mask" in str(inspect.signature(layer.call)) else {}
        for name, value in named.items():
            if "mask" in name:
                self.uses.note(self.paths_in(value), InputValues("mask", f"{name} of {layer.name}"))


def _moved(name: str, args: Any, kwargs: Any) -> Any:
    """The operands whose values an operation moves: not the places that a slice is told to begin at."""
    return args[:1] if name in ("GetItem", "Slice") and args else (args, kwargs)


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
    return _integers(100 * layer.num_bins, f"Hashing {layer.name!r} takes any value")


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
    if isinstance(value, keras.KerasTensor | keras.Variable) or value is None:
        return None
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        return None
    return float(array.ravel()[0]) if array.size == 1 else None


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
    "CTCLoss": _of_ctc,
}
