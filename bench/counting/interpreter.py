"""Runs a model on shapes instead of values, and writes down every layer it passes.

While an `Interpreter` is active, a layer or operation called on symbolic tensors (`KerasTensor`) is
visited instead of being added to a graph: Keras's own layers are counted by formula, models and
unknown layers are opened by running their `call` on the same shapes, so that what they use is seen.
Nothing is computed, and the model's own graph is left as it is. Calls are caught at
`keras.Layer.__call__` and `keras.Operation.symbolic_call`, for the whole process while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras

from anatomy.bench.counting import untraceable, wrappers
from anatomy.bench.counting.formulas import FORMULAS, completed_einsum, has_known_cells
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_call import build_for, converted
from anatomy.bench.counting.layer_counts import Frame, Ledger, size_in_bytes, symbolic_tensors
from anatomy.bench.counting.operations import PRODUCTS, UNCOUNTABLE, attention_output
from anatomy.bench.counting.shapes import times


class Interpreter:
    """Counts the layers that are called while it is active.

    Args:
        batch: the batch size of the symbolic inputs, by which the MACs of operations are divided.

    Attributes:
        ledger: the rows found.
        frames: the layers that are open, outermost first.
        steps: lengths of the time axes around the current layer (`TimeDistributed`, custom cells).
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.ledger = Ledger()
        self.frames: list[Frame] = []
        self.steps: list[int | None] = []
        self._depths: dict[int, tuple[Any, int]] = {}
        self._listening = False
        self.tracer: untraceable.Tracer | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within the block, calls on symbolic tensors are visited."""
        call_layer, call_operation = keras.Layer.__call__, keras.Operation.symbolic_call

        def layer_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if self._listening and symbolic_tensors((args, kwargs)):
                return self.visit_layer(layer, args, kwargs)
            if self.tracer is not None:
                return self.tracer.pass_on(layer, args, kwargs, call_layer)
            return call_layer(layer, *args, **kwargs)

        def operation_call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            visit = self.visit_operation if self._listening else call_operation.__get__(operation)
            return visit(operation, args, kwargs) if self._listening else visit(*args, **kwargs)

        with (
            mock.patch.object(keras.Layer, "__call__", layer_call),
            mock.patch.object(keras.Operation, "symbolic_call", operation_call),
            self.listening(True),
        ):
            yield

    @contextmanager
    def listening(self, on: bool) -> Iterator[None]:
        """Within the block, visit calls, or leave them to Keras."""
        before, self._listening = self._listening, on
        try:
            yield
        finally:
            self._listening = before

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Count one call of a layer on symbolic tensors; returns its symbolic outputs."""
        if isinstance(layer, keras.Function):
            return self.open(layer, args, kwargs, operations=frozenset(map(id, layer.operations)))
        args, kwargs = converted(self, layer, args, kwargs)
        build_for(self, layer, args, kwargs)
        kind, name = classify(layer)
        if kind == "formula":
            if hasattr(layer, "cell") and not name.startswith("ConvLSTM") and not has_known_cells(layer):
                return wrappers.custom_cell(self, layer, args, kwargs)
            return self.leaf(layer, args, kwargs, name)
        if kind == "no kernel":
            return self.leaf(layer, args, kwargs, None)
        if kind == "wrapper":
            return wrappers.VISITS[name](self, layer, args, kwargs)
        if kind == "opaque":
            return untraceable.leave_closed(self, layer, args, kwargs)
        return self.open(layer, args, kwargs, folded=kind == "folded")

    def leaf(self, layer: Any, args: Any, kwargs: Any, formula: str | None) -> Any:
        """A layer of Keras that needs no look inside: its MACs by formula, or none at all."""
        outputs = self.output_spec(layer, args, kwargs)
        frame = self.enter(layer, (args, kwargs))
        if formula is not None:
            frame.has_kernel = True
            first_in, first_out = symbolic_tensors((args, kwargs))[0], symbolic_tensors(outputs)[0]
            if formula == "EinsumDense":
                # Keras keeps the open lengths of `output_shape` open, even where the input knows them.
                outputs = first_out = completed_einsum(layer, first_in, first_out)
            frame.add(times(FORMULAS[formula](layer, first_in.shape, first_out.shape), *self.steps))
        return self.close(frame, outputs, self.depth_of((args, kwargs)) + frame.has_kernel)

    def open(
        self, layer: Any, args: Any, kwargs: Any, *, folded: bool = False, operations: frozenset[int] = frozenset()
    ) -> Any:
        """Run a layer's `call` on the symbolic tensors, and count what it calls."""
        frame = self.enter(layer, (args, kwargs), folded=folded, operations=operations)
        before = self.depth_of((args, kwargs))
        with self.inside(frame):
            outputs = untraceable.call_or_trace(self, frame, args, kwargs)
        if isinstance(layer, (keras.Function, keras.Sequential)):
            # What such a container holds is listed, and it does nothing of its own.
            return outputs
        alone = folded or len(self.ledger.rows) == frame.first_row
        return self.close(frame, outputs, before + frame.has_kernel if alone else None)

    def visit_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """An operation of `keras.ops`: a row if it is a node of a graph, else part of the open layer."""
        if isinstance(operation, keras.Function):
            return self.visit_layer(operation, args, kwargs)
        outputs = self.output_spec(operation, args, kwargs)
        holder = self.frames[-1]
        if type(operation).__name__ == "DotProductAttention":
            outputs = attention_output(symbolic_tensors((args, kwargs)), outputs)
        is_node = id(operation) in holder.operations
        frame = self.enter(operation, (args, kwargs)) if is_node else holder
        multiplied = self._count_operation(frame, operation, args, kwargs, outputs)
        depth = self.depth_of((args, kwargs)) + multiplied
        if is_node:
            return self.close(frame, outputs, depth)
        self.set_depth(outputs, depth)
        return outputs

    def _count_operation(self, frame: Frame, operation: Any, args: Any, kwargs: Any, outputs: Any) -> bool:
        """Add an operation's MACs to a frame; whether it multiplies with a kernel."""
        name, is_keras = type(operation).__name__, type(operation).__module__.startswith("keras.")
        if not is_keras or name in UNCOUNTABLE:
            frame.reasons.append(f"the work of operation {name} is not known")
            return False
        if name not in PRODUCTS:
            return False
        operands = [value for value in keras.tree.flatten((args, kwargs)) if hasattr(value, "shape")]
        macs = times(PRODUCTS[name](operation, operands, outputs), *self.steps)
        is_product = all(isinstance(operand, keras.KerasTensor) for operand in operands)
        frame.add(None if macs is None else macs // self.batch, product=is_product)
        frame.has_kernel = frame.has_kernel or not is_product
        return not is_product

    def enter(
        self, layer: Any, inputs: Any, *, folded: bool = False, operations: frozenset[int] = frozenset()
    ) -> Frame:
        """A frame for a layer that is given `inputs`, named by its place below the outermost model."""
        name = "/".join([*(frame.layer.name for frame in self.frames[1:]), layer.name])
        return Frame(layer, name, size_in_bytes(inputs, self.steps), len(self.ledger.rows), operations, folded)

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Within the block, what is visited lies inside this layer."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    def close(self, frame: Frame, outputs: Any, depth: int | None) -> Any:
        """Write the row of a layer, or add it to the folded layer around it."""
        if depth is not None:
            self.set_depth(outputs, depth)
        around = next((outer for outer in self.frames if outer.folded), None)
        if around is not None:
            around.absorb(frame)
        else:
            self.ledger.write(frame, outputs, self.steps)
        return outputs

    def output_spec(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs, by Keras's own inference."""
        with self.listening(False):
            return operation.compute_output_spec(*args, **kwargs)

    def cast(self, layer: Any, source: Any, result: Any) -> None:
        """A layer takes a tensor in its own dtype: `result`."""
        self.set_depth(result, self.depth_of(source))

    def share(self, source: Any, result: Any) -> None:
        """One tensor is a part of the other, as a step is of a sequence; means nothing to a count."""

    def depth_of(self, structure: Any) -> int:
        """The longest path to any tensor of a structure, in layers with kernels."""
        known = (self._depths.get(id(tensor)) for tensor in symbolic_tensors(structure))
        return max((entry[1] for entry in known if entry), default=0)

    def set_depth(self, structure: Any, depth: int) -> None:
        """Note the path to each tensor; the tensor is held, so that its id stays its own."""
        for tensor in symbolic_tensors(structure):
            self._depths[id(tensor)] = (tensor, depth)
