"""Examples that are prepared when they are asked for, each with its target.

Processes that load data import this module: neither Keras nor a backend may come with it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import optree

from anatomy.bench.input_pipeline.open_source import open_source
from anatomy.bench.input_pipeline.source import InputForm, Source


class ArrayExamples:
    """Examples of a batch in memory, over and over.

    Args:
        data: `(x, y)` or `(x,)`, trees of arrays.
        batch_size: examples in each array.
    """

    def __init__(self, data: tuple[Any, ...], batch_size: int) -> None:
        self._data, self._size = data, batch_size

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        found: tuple[Any, ...] = optree.tree_map(lambda array: array[number % self._size], self._data)
        return found


class Examples:
    """Examples of a source. In another process they are opened anew, so that no function need be sent there.

    Args:
        name: of the source; see `open_source`.
        form: what the model takes.
        targets: of a batch, for the examples in turn; `None` for inputs alone.
        batch_size: examples in the targets.
    """

    def __init__(self, name: str, form: InputForm, targets: Any, batch_size: int) -> None:
        self._arguments = (name, form, targets, batch_size)
        self.name, self.form, self.targets, self.batch_size = self._arguments

    @cached_property
    def source(self) -> Source:
        """Where they come from."""
        return open_source(self.name, self.form)

    @cached_property
    def brings_targets(self) -> bool:
        """Whether the source gives a target with each example."""
        return isinstance(self.source.example(0), tuple)

    def __reduce__(self) -> tuple[Any, ...]:
        return Examples, self._arguments

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        found = self.source.example(number)
        if isinstance(found, tuple):
            return found if self.targets is not None else found[:1]
        return (found,) if self.targets is None else (found, self.target(number))

    def target(self, number: int) -> Any:
        """The target of an example whose source brings none."""
        return optree.tree_map(lambda array: array[number % self.batch_size], self.targets)


def stacked(examples: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """A batch of examples: trees of arrays, one row for each."""
    found: tuple[Any, ...] = optree.tree_map(lambda *leaves: np.stack(leaves), *examples)
    return found
