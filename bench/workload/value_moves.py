"""Operations and layers of Keras that move elements without changing them, and how numpy does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from anatomy.bench.workload.value_source import Array, Source

# Operation or layer, its arguments by name, an array for each tensor that it moves, the shape of the first result.
Move = Callable[[Any, Mapping[str, Any], list[Array], tuple[int, ...]], Any]

# Those whose results hold elements of their operands in places that are not followed, or in the same ones.
_BLURRING = frozenset(
    [
        "AveragePooling2D",
        "CenterCrop",
        "Cropping2D",
        "Cropping3D",
        "MaxPooling2D",
        "RandomCrop",
        "Resizing",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "ZeroPadding3D",
    ]
)
_KEEPING = frozenset(
    [
        "Cast",
        "Ceil",
        "ConvertToTensor",
        "Copy",
        "Floor",
        "Identity",
        "Masking",
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "Round",
        "SaturateCast",
        "SpatialDropout1D",
        "StopGradient",
        "Trunc",
    ]
)


def constant(value: Any) -> Array | None:
    """The value of a constant, as an array; `None` for what is none."""
    if value is None or isinstance(value, keras.KerasTensor | keras.Variable | str | bytes):
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return array if array.dtype.kind in "biuf" else None


def moves(name: str) -> bool:
    """Whether an operation or layer of this name only moves elements."""
    return name in _MOVES or name in _BLURRING or name in _KEEPING


def moved(
    name: str, mover: Any, given: Mapping[str, Any], operand: int, source: Source, shapes: Sequence[tuple[int, ...]]
) -> list[Source | None]:
    """What each result of an operation or layer holds of one source.

    Args:
        given: the arguments by name; the first holds the tensors that are moved.
        operand: the tensor among these that holds the source.
        shapes: of the results.
    """
    tensors = keras.tree.flatten(next(iter(given.values())))

    def move(array: Array, filling: int) -> list[Array]:
        others = [array if k == operand else np.full(np.shape(other), filling) for k, other in enumerate(tensors)]
        found = _MOVES[name](mover, given, others, shapes[0])
        results = [np.asarray(result) for result in found] if isinstance(found, list | tuple) else [np.asarray(found)]
        if [result.shape for result in results] != list(shapes):
            raise ValueError(f"{name} gives other shapes")
        return results

    if source.exact and name in _MOVES:
        try:
            return [*source.moved(move, len(shapes))]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            # An index that is no constant, an open length, a layout of its own.
            return [source.scattered()] * len(shapes)
    if source.exact and name in _KEEPING and [source.places.shape] == list(shapes):
        return [source]
    return [source.scattered()] * len(shapes)


def step_sources(source: Source, length: int, shape: tuple[int, ...]) -> list[Source | None]:
    """What one of the steps of a sequence may hold, where axis 1 of the sequence counts them."""
    if not source.exact or (1, length, *shape[1:]) != source.places.shape or length > _MOST_STEPS:
        return [source.scattered()]
    return [
        source.moved(lambda array, _, k=k: [np.take(array, k, axis=1)], 1)[0]  # type: ignore[misc]
        for k in range(length)
    ]


# Steps that are followed one by one.
_MOST_STEPS = 64


def _known(value: Any) -> Any:
    """An index: what is no constant raises."""
    if value is None or value is Ellipsis or isinstance(value, int):
        return value
    if isinstance(value, slice):
        return slice(*(None if part is None else int(part) for part in (value.start, value.stop, value.step)))
    found = constant(value)
    if found is None:
        raise TypeError("the index depends on a tensor")
    return found


def _get_item(_: Any, given: Mapping[str, Any], arrays: list[Array], __: Any) -> Any:
    key = given["key"]
    return arrays[0][tuple(map(_known, key)) if isinstance(key, tuple) else _known(key)]


def _slice(mover: Any, given: Mapping[str, Any], arrays: list[Array], _: Any) -> Any:
    starts = [int(start) for start in np.asarray(_known(given["start_indices"]))]
    ends = [None if size == -1 else start + int(size) for start, size in zip(starts, mover.shape, strict=True)]
    return arrays[0][tuple(slice(*ends) for ends in zip(starts, ends, strict=True))]


def _split(mover: Any, _: Any, arrays: list[Array], __: Any) -> Any:
    parts = mover.indices_or_sections
    return np.array_split(arrays[0], parts if isinstance(parts, int) else list(parts), axis=mover.axis)


def _unstack(mover: Any, _: Any, arrays: list[Array], __: Any) -> Any:
    return list(np.moveaxis(arrays[0], mover.axis, 0))


def _pad(mover: Any, _: Any, arrays: list[Array], __: Any) -> Any:
    if mover.mode == "constant":
        return np.pad(arrays[0], mover.pad_width, constant_values=-1)
    return np.pad(arrays[0], mover.pad_width, mode=mover.mode)


def _cropped(mover: Any, _: Any, arrays: list[Array], __: Any) -> Any:
    first, last = mover.cropping
    return arrays[0][:, first : arrays[0].shape[1] - last]


def _shaped(_: Any, __: Any, arrays: list[Array], shape: tuple[int, ...]) -> Any:
    return arrays[0].reshape(shape)


_MOVES: dict[str, Move] = {
    "ArraySplit": _split,
    "BroadcastTo": lambda _, __, arrays, shape: np.broadcast_to(arrays[0], shape),
    "Concatenate": lambda mover, _, arrays, __: np.concatenate(arrays, axis=mover.axis),
    "Cropping1D": _cropped,
    "ExpandDims": _shaped,
    "Flatten": _shaped,
    "Flip": lambda mover, _, arrays, __: np.flip(arrays[0], mover.axis),
    "GetItem": _get_item,
    "Moveaxis": lambda mover, _, arrays, __: np.moveaxis(arrays[0], mover.source, mover.destination),
    "Pad": _pad,
    "Permute": lambda mover, _, arrays, __: np.transpose(arrays[0], (0, *mover.dims)),
    "Ravel": _shaped,
    "Repeat": lambda mover, _, arrays, __: np.repeat(arrays[0], mover.repeats, axis=mover.axis),
    "RepeatVector": lambda mover, _, arrays, __: np.repeat(arrays[0][:, None], mover.n, axis=1),
    "Reshape": _shaped,
    "Roll": lambda mover, _, arrays, __: np.roll(arrays[0], mover.shift, axis=mover.axis),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _shaped,
    "Stack": lambda mover, _, arrays, __: np.stack(arrays, axis=mover.axis),
    "Swapaxes": lambda mover, _, arrays, __: np.swapaxes(arrays[0], mover.axis1, mover.axis2),
    "Take": lambda mover, given, arrays, _: np.take(arrays[0], _known(given["indices"]), axis=mover.axis),
    "TakeAlongAxis": lambda mover, given, arrays, _: np.take_along_axis(
        arrays[0], _known(given["indices"]), axis=mover.axis
    ),
    "Tile": lambda mover, _, arrays, __: np.tile(arrays[0], mover.repeats),
    "Transpose": lambda mover, _, arrays, __: np.transpose(arrays[0], mover.axes),
    "Unstack": _unstack,
}
