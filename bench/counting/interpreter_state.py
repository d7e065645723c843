"""What is known while a model runs on shapes: the open layers, the rows found, the origin of each tensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from anatomy.bench.counting.kept_tensors import KeptTensors
from anatomy.bench.counting.layer_counts import Frame, LayerCounts, Measures, symbolic_tensors
from anatomy.bench.counting.shapes import dtype_bytes, plus, size, times
from anatomy.bench.counting.tensor_origin import Origin, joined


class InterpreterState:
    """The state that the handlers of single kinds of layers read and change.

    Args:
        batch: the batch size of the symbolic inputs; what the whole batch takes is divided by it.

    Attributes:
        counts: the rows found.
        kept: the tensors that a backward pass needs.
        frames: the layers that are open, outermost first.
        steps: lengths of the time axes around the current layer (`TimeDistributed`, custom cells).
        losses: symbolic losses that layers add to that of the outputs.
        visiting: whether calls on symbolic tensors are counted now, or left to Keras.
        values_as_shapes: whether weights and constants are symbolic, too, while a layer's `call` runs.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.counts = LayerCounts()
        self.kept = KeptTensors()
        self.frames: list[Frame] = []
        self.steps: list[int | None] = []
        self.losses: list[Any] = []
        self.visiting = False
        self.values_as_shapes = True
        self._origins: dict[int, tuple[Any, Origin]] = {}
        self._weights: dict[tuple[int, str], tuple[Any, Any]] = {}

    @contextmanager
    def set_visiting(self, on: bool) -> Iterator[None]:
        """Within the block, count calls on symbolic tensors, or leave them to Keras."""
        before, self.visiting = self.visiting, on
        try:
            yield
        finally:
            self.visiting = before

    @contextmanager
    def set_values_as_shapes(self, on: bool) -> Iterator[None]:
        """Within the block, weights and constants are symbolic in a layer's `call`, or have their values."""
        before, self.values_as_shapes = self.values_as_shapes, on
        try:
            yield
        finally:
            self.values_as_shapes = before

    def enter(
        self, layer: Any, inputs: Any, *, folded: bool = False, operations: frozenset[int] = frozenset()
    ) -> Frame:
        """A frame for a layer that is given `inputs`, named by its place below the outermost model."""
        name = "/".join([*(frame.layer.name for frame in self.frames[1:]), layer.name])
        tensors = symbolic_tensors(inputs)
        input_bytes = plus(*map(self._bytes, tensors))
        # What a weight or a constant becomes is there once, however many examples there are.
        given = [(tensor, self._bytes(tensor)) for tensor in tensors if self.find_origin(tensor).from_input]
        learns = self.find_origin(inputs).learns
        return Frame(layer, name, input_bytes, learns, len(self.counts.rows), operations, folded, inputs=given)

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Within the block, what is visited lies inside this layer."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    def close(self, frame: Frame, outputs: Any, origin: Origin | None) -> Any:
        """Write the row of a layer, or add it to the folded layer around it; returns `outputs`.

        Args:
            origin: of the outputs; `None` if it is known already.
        """
        if origin is not None:
            self.set_origin(outputs, origin)
        around = next((outer for outer in self.frames if outer.folded), None)
        if around is not None:
            around.absorb(frame)
        else:
            measures = self._measures(outputs)
            if self.counts.write(frame, outputs, measures):
                self.counts.set_held(*self.kept.held_bytes(frame, outputs, measures))
        return outputs

    def output_spec(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs by Keras's own inference, or by the backend's trace if that fails."""
        if self._takes_batch_for_length(operation, (args, kwargs)):
            args, kwargs = keras.tree.map_structure(lambda value: self._with_batch(value, 1, 2), (args, kwargs))
            outputs = self._inferred_spec(operation, args, kwargs)
            return keras.tree.map_structure(lambda value: self._with_batch(value, 2, 1), outputs)
        return self._inferred_spec(operation, args, kwargs)

    def _inferred_spec(self, operation: Any, args: Any, kwargs: Any) -> Any:
        if type(operation).__name__ == "GetItem" and isinstance(args[-1], slice):
            # Keras 3.15 knows `x[(slice(5),)]`, not `x[:5]`.
            args = (*args[:-1], (args[-1],))
        with self.set_visiting(False):
            try:
                return operation.compute_output_spec(*args, **kwargs)
            except Exception as error:
                if isinstance(operation, keras.Layer):
                    raise
                # Keras refuses what its backends compute, such as a convolution in groups by `ops.conv`.
                try:
                    return keras.Operation.compute_output_spec(operation, *args, **kwargs)
                except Exception:  # noqa: BLE001  # the first error is the one that says why
                    raise error from None

    def _takes_batch_for_length(self, operation: Any, given: Any) -> bool:
        """Whether an axis of one example may be taken for an axis of length 1, which is dropped.

        So do encodings of categories with one number for each example, and `ops.squeeze` without an axis.
        """
        if self.batch != 1:
            return False
        if isinstance(operation, keras.Layer):
            return any(len(tensor.shape) == 1 for tensor in symbolic_tensors(given))
        return type(operation).__name__ == "Squeeze" and operation.axis is None and self.find_origin(given).from_input

    def _with_batch(self, value: Any, before: int, after: int) -> Any:
        """A symbolic tensor of so many examples; any other value as it is."""
        if not isinstance(value, keras.KerasTensor) or tuple(value.shape[:1]) != (before,):
            return value
        return keras.KerasTensor((after, *value.shape[1:]), dtype=value.dtype)

    def cast(self, layer: Any, source: Any, result: Any) -> None:
        """Note that `layer` reads `source` in its own dtype, as `result`."""
        self.set_origin(result, self.find_origin(source))
        self.kept.note_same(source, result)

    def share(self, source: Any, result: Any) -> None:
        """Note that one tensor is a part of the other, as a step is of a sequence."""
        self.set_origin(result, self.find_origin(source))
        self.kept.note_same(source, result)

    def weight(self, variable: Any) -> Any:
        """The symbolic tensor that stands for a variable, in the dtype it is read in."""
        key = id(variable), str(variable.dtype)
        if key not in self._weights:
            tensor = keras.KerasTensor(tuple(variable.shape), dtype=variable.dtype)
            # Holding the variable keeps its id unique.
            self._weights[key] = variable, tensor
            self.set_origin(tensor, Origin(learns=bool(variable.trainable)))
        return self._weights[key][1]

    def constant(self, shape: Iterable[int | None], dtype: str) -> Any:
        """A symbolic tensor that depends on nothing."""
        tensor = keras.KerasTensor(tuple(shape), dtype=dtype)
        self.set_origin(tensor, Origin())
        return tensor

    def on_shapes(self, structure: Any) -> Any:
        """The structure with a symbolic tensor for every variable, tensor of the backend and array of numpy."""
        return keras.tree.map_structure(self._on_shape, structure)

    def with_weights(self, structure: Any) -> Any:
        """The structure with a symbolic tensor for every variable."""
        return keras.tree.map_structure(lambda value: self.weight(value) if is_weight(value) else value, structure)

    def find_origin(self, structure: Any) -> Origin:
        """Where what is made of these tensors comes from; a tensor from nowhere known depends on the inputs."""
        known = (self._origins.get(id(tensor)) for tensor in symbolic_tensors(structure))
        return joined(entry[1] if entry else Origin(from_input=True) for entry in known)

    def set_origin(self, structure: Any, origin: Origin) -> None:
        """Note the origin of each tensor; holding the tensor keeps its id unique. Integers have no gradient."""
        for tensor in symbolic_tensors(structure):
            has_gradient = any(kind in str(tensor.dtype) for kind in ("float", "complex"))
            self._origins[id(tensor)] = (tensor, origin if has_gradient else origin.stopped())

    def per_example(self, whole: int | None) -> int | None:
        """What one example takes of what the batch takes, rounded up: a product of weights serves them all."""
        return None if whole is None else -(-whole // self.batch)

    def _measures(self, outputs: Any) -> Measures:
        tensors = symbolic_tensors(outputs)
        shapes = [[*self.steps, *self._example_shape(tensor)] for tensor in tensors]
        return Measures(
            shape=shapes[0] if len(shapes) == 1 else shapes,
            units=self._elements(tensors[0]) if tensors else times(*self.steps),
            output_bytes=plus(*map(self._bytes, tensors)),
        )

    def _example_shape(self, tensor: Any) -> tuple[int | None, ...]:
        """Without the batch axis, which what does not depend on the inputs has not."""
        return tuple(tensor.shape[1:]) if self.find_origin(tensor).from_input else tuple(tensor.shape)

    def _elements(self, tensor: Any) -> int | None:
        """For one example, in all time steps around."""
        return self.per_example(times(size(tensor.shape), *self.steps))

    def _bytes(self, tensor: Any) -> int | None:
        return times(self._elements(tensor), dtype_bytes(str(tensor.dtype)))

    def _on_shape(self, value: Any) -> Any:
        if is_weight(value):
            return self.weight(value)
        if not is_constant(value):
            return value
        return self.constant(value.shape, keras.backend.standardize_dtype(value.dtype))


def is_weight(value: Any) -> bool:
    """Whether a value is a variable of Keras."""
    return isinstance(value, keras.Variable)


def is_constant(value: Any) -> bool:
    """Whether a value is a tensor of numbers with a shape: of the backend, or an array of numpy."""
    if not (isinstance(value, np.ndarray) or keras.ops.is_tensor(value)) or isinstance(value, keras.KerasTensor):
        return False
    return not (is_weight(value) or is_sparse(value)) and "str" not in str(value.dtype) and str(value.dtype) != "object"


def is_sparse(value: Any) -> bool:
    """Whether a tensor of TensorFlow or JAX keeps its elements other than 0 alone; symbolic tensors cannot be asked."""
    return type(value).__name__ in ("SparseTensor", "IndexedSlices", "BCOO")
