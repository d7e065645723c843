"""The parts of an input that are used differently, such as the columns of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from anatomy.bench.workload.input_values import InputPart, InputValues, Kind
from anatomy.bench.workload.value_source import Array

# Of an input that is used in more ways than these, the parts are not told apart.
_MOST_PARTS = 1000
# Parts, and runs of places, that a record names.
_NAMED = 8


@dataclass(frozen=True)
class Note:
    """What one use asks of some elements of an input.

    Attributes:
        elements: a flag for each element of an example, flat.
        values: what is asked of them.
        mean, deviation: of each element, flat, where they differ from one to the other.
    """

    elements: Array
    values: InputValues
    mean: Array | None = None
    deviation: Array | None = None

    def of(self, places: Array, shape: tuple[int, ...]) -> InputValues:
        """What is asked of these places, drawn in this shape."""
        if self.mean is None or self.deviation is None:
            return self.values
        mean, deviation = (array[places].reshape(shape) for array in (self.mean, self.deviation))
        return replace(self.values, mean=mean, deviation=deviation)


@dataclass(frozen=True)
class UsedPart:
    """Elements of an input that are used alike.

    Attributes:
        places: numbers of the elements in an example, in order.
        shape: they are drawn in this shape.
        uses: what each of their uses asks for; empty if it is not known.
        unused: whether nothing uses them.
    """

    places: Array
    shape: tuple[int, ...]
    uses: list[InputValues] = field(default_factory=list)
    unused: bool = False


def used_parts(
    shape: tuple[int, ...], notes: Sequence[Note], others: Sequence[Array], compared: Sequence[Array]
) -> list[UsedPart]:
    """The parts of an input.

    Args:
        shape: of an example.
        notes: what uses ask for, in order.
        others: flags of the elements that an unknown use reads.
        compared: flags of the elements of each comparison, which may be of any values.
    """
    count = math.prod(shape)
    noted = _any([note.elements for note in notes], count)
    if not noted.any():
        return [UsedPart(np.arange(count), shape)]
    # A comparison of a text with its padding says nothing of the places that no table reads.
    others = [*others, *(flags for flags in compared if not (flags & noted).any())]
    other = _any(others, count) & ~noted
    labels = np.zeros(count, int)
    for flags in [*(note.elements for note in notes), other]:
        if flags.any() and not flags.all():
            labels = np.unique(2 * labels + flags, return_inverse=True)[1]
    if labels.max() >= _MOST_PARTS:
        return [UsedPart(np.arange(count), shape, [note.of(np.arange(count), shape) for note in notes])]
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [_part(shape, places, notes, other) for places in sorted(groups, key=lambda places: int(places[0]))]


def joined_parts(parts: Sequence[tuple[UsedPart, InputValues]], shape: tuple[int, ...]) -> list[InputPart]:
    """The parts with values that are drawn alike as one; what nothing uses joins the only other part."""
    found: list[InputPart] = []
    for part, values in parts:
        made = InputPart(part.places, part.shape, values)
        twin = next((k for k, other in enumerate(found) if _alike(other.values, values)), None)
        if twin is None:
            found.append(made)
        else:
            found[twin] = _together(found[twin], made, shape)
    unused = {int(part.places[0]) for part, _ in parts if part.unused}
    used = [part for part in found if int(part.places[0]) not in unused]
    if len(used) == 1 and len(found) == 2 and np.ndim(used[0].values.mean) == 0:
        places = np.sort(np.concatenate([part.places for part in found]))
        return [InputPart(places, drawn_shape(shape, places), used[0].values)]
    return found


def drawn_shape(shape: tuple[int, ...], places: Array) -> tuple[int, ...]:
    """The shape of a part of an example: without the axes along which it has one place; flat where it is no box."""
    indices = _box(shape, places)
    if indices is None:
        return (len(places),)
    lengths = tuple(len(index) for index in indices)
    return lengths if len(places) == math.prod(shape) else tuple(size for size in lengths if size > 1) or (1,)


def split_axis(shape: tuple[int, ...], parts: Sequence[InputPart]) -> tuple[int, list[Array]] | None:
    """The axis of an example along which the parts lie side by side, and the indices of each; `None` if none does."""
    for axis, size in enumerate(shape):
        found = [_along(shape, part.places, axis) for part in parts]
        whole = [index for index in found if index is not None]
        if len(whole) == len(parts) and sum(map(len, whole)) == size:
            return axis, whole
    return None


def runs(indices: Array) -> list[tuple[int, int]]:
    """First and last of each run of indices without a gap."""
    ends = np.flatnonzero(np.diff(indices) != 1)
    firsts, lasts = indices[np.r_[0, ends + 1]], indices[np.r_[ends, len(indices) - 1]]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def described(shape: tuple[int, ...], parts: Sequence[InputPart]) -> str:
    """The parts in words, such as `columns: 0 Embedding 'item' of 1000 rows; 1-4 standard normal`."""
    split = split_axis(shape, parts)
    if split is None:
        names = [f"{len(part.places)} values" for part in parts]
        title = "parts"
    else:
        names = [_listed(runs(indices)) for indices in split[1]]
        title = "columns" if split[0] == len(shape) - 1 else f"axis {split[0] + 1}"
    said = [f"{name} {part.values.why}" for name, part in zip(names, parts, strict=True)]
    more = [f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else []
    return f"{title}: {'; '.join([*said[:_NAMED], *more])}"


def _part(shape: tuple[int, ...], places: Array, notes: Sequence[Note], other: Array) -> UsedPart:
    drawn = drawn_shape(shape, places)
    uses = [note.of(places, drawn) for note in notes if note.elements[places[0]]]
    return UsedPart(places, drawn, uses, unused=not uses and not other[places[0]])


def _any(flags: Sequence[Array], count: int) -> Array:
    found = np.zeros(count, bool)
    for each in flags:
        found |= each
    return found


def _alike(one: InputValues, other: InputValues) -> bool:
    """Whether both are drawn from the same range, or by the same use."""
    if one.is_range() and other.is_range():
        return one.range() == other.range()
    if one.kind != other.kind or one.kind == "one_hot" or np.ndim(one.mean) or np.ndim(other.mean):
        return False
    if one.kind == "normal":
        return (one.mean, one.deviation) == (other.mean, other.deviation)
    return one.range() == other.range() and one.words == other.words and list(one.choices) == list(other.choices)


def _together(one: InputPart, other: InputPart, shape: tuple[int, ...]) -> InputPart:
    places = np.sort(np.concatenate([one.places, other.places]))
    values, rest = one.values, other.values
    why = " and ".join(dict.fromkeys([*values.why.split(" and "), *rest.why.split(" and ")]))
    if values.is_range():
        kind: Kind = "ids" if "ids" in (values.kind, rest.kind) else "integers"
        low, padded = max(values.low, rest.low), values.padded or rest.padded
        values = replace(values, kind=kind, low=low, padded=padded)
    return InputPart(places, drawn_shape(shape, places), replace(values, why=why))


def _box(shape: tuple[int, ...], places: Array) -> list[Array] | None:
    """The indices along each axis, where the places are all of their combinations."""
    indices = [np.unique(index) for index in np.unravel_index(places, shape)] if shape else []
    return indices if math.prod(map(len, indices)) == len(places) else None


def _along(shape: tuple[int, ...], places: Array, axis: int) -> Array | None:
    """The indices of a part along an axis, where it is whole along the others."""
    indices = _box(shape, places)
    if indices is None or any(len(index) < shape[k] for k, index in enumerate(indices) if k != axis):
        return None
    return indices[axis]


def _listed(found: Sequence[tuple[int, int]]) -> str:
    texts = [f"{first}-{last}" if last > first else f"{first}" for first, last in found]
    return ", ".join([*texts[:_NAMED], *(["…"] if len(texts) > _NAMED else [])])
