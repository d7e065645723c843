"""An input while the model runs on shapes: what the uses of each of its elements ask for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from anatomy.bench.workload.input_parts import Note, UsedPart, used_parts
from anatomy.bench.workload.input_values import InputValues
from anatomy.bench.workload.value_arithmetic import normal_before
from anatomy.bench.workload.value_source import Array, Source

# Of an input with more elements than these, the elements are not told apart.
MOST_ELEMENTS = 2**22


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

    def add_note(self, source: Source, flags: Array, values: InputValues) -> None:
        """Add a note, or its elements to the note that asks the same."""
        if values.kind == "normal" and source.exact and not self.is_whole(source) and len(source.places):
            self.notes.append(_normal_note(self, source, flags, values))
            return
        for number, note in enumerate(self.notes):
            if note.mean is None and note.values.why == values.why and _same(note.values, values):
                self.notes[number] = replace(note, elements=note.elements | flags)
                return
        self.notes.append(Note(flags, values))


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
