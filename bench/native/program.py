"""A native program: its source, compiled in this process, and where the model's weights go in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anatomy.bench.native.translation import Framework

Array = np.ndarray[Any, Any]


def as_it_is(array: Array) -> Array:
    """The array: Keras's and the program's are the same."""
    return array


@dataclass(frozen=True)
class Weight:
    """One variable of the Keras model in the program.

    Attributes:
        variable: the `keras.Variable`.
        layer: key of its layer in the program; in torch the name of the module.
        name: its name there, such as `kernel`; in torch `weight`, or two names with a space between them where the rows
            of the array are two parameters.
        to_native: from Keras's array to the program's, which may lie in another order.
        to_keras: back again.
    """

    variable: Any
    layer: str
    name: str
    to_native: Callable[[Array], Array] = as_it_is
    to_keras: Callable[[Array], Array] = as_it_is


@dataclass(frozen=True)
class Program:
    """What a model was translated to.

    Attributes:
        framework: the framework it is written for.
        source: Python code that defines the network and, for training, its step.
        weights: one entry a variable of the model, in the order of first use.
        input_axes: for each input, its axes in the program as numbers of Keras's (`(0, 3, 1, 2)` where the program has
            channels first); `None` where they are the same.
        output_axes: for each output, Keras's axes as numbers of the program's; `None` likewise.
        bound: objects of the user's that the source names and does not define.
    """

    framework: Framework
    source: str
    weights: tuple[Weight, ...]
    input_axes: tuple[tuple[int, ...] | None, ...]
    output_axes: tuple[tuple[int, ...] | None, ...]
    bound: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Mapping[str, Any]:
        """Run the source; return the names that it defines."""
        names: dict[str, Any] = {"__name__": f"native_{self.framework}", **self.bound}
        exec(compile(self.source, f"<native {self.framework} program>", "exec"), names)  # our own code
        return names
