"""A source of examples: items such as paths, and the steps that make an example of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

# A step is timed on so many examples, or for so long.
TIMED_EXAMPLES = 200
TIMED_S = 0.5


class InputForm(NamedTuple):
    """What a model takes of one example.

    Attributes:
        shape: without the batch axis.
        dtype: Keras dtype.
        largest: largest value that the model expects, such as 255 of images in bytes or the last row of a table; `None`
            where nothing in the model says it.
    """

    shape: tuple[int, ...]
    dtype: str
    largest: float | None


@dataclass(frozen=True)
class Source:
    """Items, and what makes an example of one.

    Attributes:
        items: what the first step is given.
        steps: name of each step and its function, in order. The last returns the inputs of an example, or a tuple of
            its inputs and its target.
        tensorflow: makes a function that does the same to a tensor that holds an item, in TensorFlow's own operations;
            `None` where there is none.
        size_bytes: of all items on disk; 0 where it is not known.
    """

    items: Sequence[Any]
    steps: Mapping[str, Callable[[Any], Any]]
    tensorflow: Callable[[], Callable[[Any], Any]] | None = None
    size_bytes: int = 0

    def example(self, number: int) -> Any:
        """Prepare an example; behind the last item comes the first again."""
        value = self.items[number % len(self.items)]
        for step in self.steps.values():
            value = step(value)
        return value

    def step_seconds(self, clock: Callable[[], float] = time.perf_counter) -> dict[str, float]:
        """Seconds of each step for one example, one after the other in one thread: means over some."""
        seconds = dict.fromkeys(self.steps, 0.0)
        begin = clock()
        for done in range(1, TIMED_EXAMPLES + 1):
            value = self.items[(done - 1) % len(self.items)]
            for name, step in self.steps.items():
                start = clock()
                value = step(value)
                seconds[name] += clock() - start
            if clock() - begin > TIMED_S:
                break
        return {name: total / done for name, total in seconds.items()}


def read_file(path: str) -> bytes:
    """The bytes of a file."""
    return Path(path).read_bytes()
