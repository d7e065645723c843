"""A batch as a native program takes it, and the model's weights by their place in the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch, WeightSums, checksum
from anatomy.bench.native.program import Array, Program, Weight
from anatomy.models.returned_network import is_held


def input_arrays(model: Any, program: Program, batch: Batch) -> list[Array]:
    """The inputs in the order of the program, in its axes and dtypes, each contiguous."""
    import keras

    found = batch.x
    if is_held(model):
        return [as_floatx(np.asarray(array)) for array in keras.tree.flatten(found)]
    if isinstance(found, Mapping) and not isinstance(model._inputs_struct, Mapping):
        found = [found[tensor.name] for tensor in model.inputs]
    arrays = []
    for symbol, array, axes in zip(model.inputs, keras.tree.flatten(found), program.input_axes, strict=True):
        array = np.asarray(array)
        if array.ndim < len(symbol.shape):
            # Keras adds the axis that a column of numbers lacks.
            array = array[..., np.newaxis]
        array = array.astype(symbol.dtype, copy=False)
        arrays.append(np.ascontiguousarray(array if axes is None else array.transpose(axes)))
    return arrays


def as_floatx(array: Array) -> Array:
    """Floats as Keras casts them; other numbers as they are."""
    import keras

    return np.ascontiguousarray(array, keras.config.floatx() if array.dtype.kind == "f" else array.dtype)


def target_arrays(model: Any, batch: Batch) -> list[Array]:
    """The targets of the outputs that have a loss, in the order of the outputs."""
    import keras

    from anatomy.bench.workload.model_outputs import declared_outputs

    found = batch.y
    if isinstance(found, Mapping):
        found = [found.get(output.name) for output in declared_outputs(model)]
    return [np.asarray(array) for array in keras.tree.flatten(found) if array is not None]


def keras_outputs(program: Program, outputs: Sequence[Array]) -> list[Array]:
    """Outputs of the program in Keras's axes."""
    return [
        output if axes is None else output.transpose(axes)
        for output, axes in zip(outputs, program.output_axes, strict=True)
    ]


class TrainableWeights:
    """The trainable weights of a model, in its order, as Keras has them.

    Args:
        read: the array of a weight as the program has it now.
    """

    def __init__(self, model: Any, program: Program, read: Callable[[Weight], Array]) -> None:
        by_variable = {id(weight.variable): weight for weight in program.weights}
        self._paths = [variable.path for variable in model.trainable_variables]
        self._weights = [by_variable.get(id(variable)) for variable in model.trainable_variables]
        self._read = read

    def sums(self) -> WeightSums:
        """The path and a checksum of each; a weight that no call uses never changes."""
        return [
            (path, 0 if weight is None else checksum(weight.to_keras(self._read(weight))))
            for path, weight in zip(self._paths, self._weights, strict=True)
        ]

    def given(self, values: Sequence[Array]) -> list[tuple[Weight, Array]]:
        """Each weight of the program with a value that Keras would give it, in the program's order of axes."""
        pairs = zip(self._weights, values, strict=True)
        return [(weight, weight.to_native(np.asarray(value))) for weight, value in pairs if weight is not None]
