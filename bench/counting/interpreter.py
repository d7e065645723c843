"""Runs a model on shapes instead of values, and writes down every layer it passes.

While an `Interpreter` is active, a layer or operation called on symbolic tensors (`KerasTensor`) is
visited instead of being added to a graph: Keras's own layers are counted by formula; models and
unknown layers are opened by running their `call` on the same shapes. Nothing is computed, and the
model's own graph stays as it is. Calls are caught at `keras.Layer.__call__` and
`keras.Operation.symbolic_call`, for the whole process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras

from anatomy.bench.counting.formulas import FORMULAS, completed_einsum, has_known_cells
from anatomy.bench.counting.interpreter_state import InterpreterState
from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_call import build_for, converted
from anatomy.bench.counting.layer_counts import Frame, symbolic_tensors
from anatomy.bench.counting.operations import PRODUCTS, UNCOUNTABLE, attention_output
from anatomy.bench.counting.shapes import times
from anatomy.bench.counting.untraceable import NOT_SYMBOLIC, TracedCall, Tracer, leave_closed
from anatomy.bench.counting.wrappers import WRAPPERS, custom_cell


class Interpreter(InterpreterState):
    """Counts the layers that are called while it is active."""

    _tracer: Tracer | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within the block, calls on symbolic tensors are visited."""
        call_layer, call_operation = keras.Layer.__call__, keras.Operation.symbolic_call

        def layer_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if self.visiting and symbolic_tensors((args, kwargs)):
                return self.visit_layer(layer, args, kwargs)
            if self._tracer is not None:
                return self._tracer.pass_on(layer, args, kwargs, call_layer)
            return call_layer(layer, *args, **kwargs)

        def operation_call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if self.visiting:
                return self.visit_operation(operation, args, kwargs)
            return call_operation(operation, *args, **kwargs)

        with (
            mock.patch.object(keras.Layer, "__call__", layer_call),
            mock.patch.object(keras.Operation, "symbolic_call", operation_call),
            self.set_visiting(True),
        ):
            yield

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Count one call of a layer on symbolic tensors; returns its symbolic outputs."""
        if isinstance(layer, keras.Function):
            return self.open(layer, args, kwargs, operations=frozenset(map(id, layer.operations)))
        args, kwargs = converted(self, layer, args, kwargs)
        build_for(self, layer, args, kwargs)
        match classify(layer):
            case "formula", name if _has_custom_cell(layer, name):
                return custom_cell(self, layer, args, kwargs)
            case "formula", name:
                return self.leaf(layer, args, kwargs, name)
            case "no kernel", _:
                return self.leaf(layer, args, kwargs, None)
            case "wrapper", name:
                return WRAPPERS[name](self, layer, args, kwargs)
            case "untraceable", _:
                return leave_closed(self, layer, args, kwargs)
            case kind, _:
                return self.open(layer, args, kwargs, folded=kind == "folded")

    def leaf(self, layer: Any, args: Any, kwargs: Any, formula: str | None) -> Any:
        """A layer of Keras that is not opened: its MACs by formula, or none."""
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
            outputs = self._call_or_trace(frame, args, kwargs)
        if isinstance(layer, (keras.Function, keras.Sequential)):
            # A container's layers are listed, and it computes nothing besides.
            return outputs
        alone = folded or len(self.counts.rows) == frame.first_row
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

    def _call_or_trace(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Run a layer's `call` on symbolic tensors, or have the backend trace it if that fails.

        Raises:
            Exception: what the layer itself raises when the backend traces it too.
        """
        counts, before = self.counts.snapshot(), frame.snapshot()
        try:
            return frame.layer.call(*args, **kwargs)
        except NOT_SYMBOLIC as error:
            if isinstance(frame.layer, (keras.Function, keras.Sequential)):
                raise
            self.counts.restore(counts)
            frame.restore(before)
            frame.reasons.append(f"its call uses functions that cannot be seen through ({type(error).__name__})")
            return self._trace(frame.layer, args, kwargs)

    def _trace(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Have the backend trace a layer's `call`, and count the sublayers that it calls on the way.

        A trace does not show which output went where, so the calls count as following each other: the depth is an
        upper bound.
        """
        tracer = Tracer()
        depth = self.depth_of((args, kwargs))
        self._tracer, before = tracer, self._tracer
        try:
            outputs = self.output_spec(TracedCall(layer, tracer), args, kwargs)
        finally:
            self._tracer = before
        for sublayer, inputs, options in tracer.calls:
            self.set_depth((inputs, options), depth)
            depth = max(depth, self.depth_of(self.visit_layer(sublayer, inputs, options)))
        self.set_depth(outputs, depth)
        return outputs


def _has_custom_cell(layer: Any, name: str) -> bool:
    return hasattr(layer, "cell") and not name.startswith("ConvLSTM") and not has_known_cells(layer)
