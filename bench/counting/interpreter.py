"""Runs a model on shapes instead of values, and writes down every layer it passes.

While an `Interpreter` is active, a layer or operation called on symbolic tensors (`KerasTensor`) is
visited instead of being added to a graph: Keras's own layers are counted by formula; models and
unknown layers are opened by running their `call` on the same shapes. Nothing is computed, and the
model's own graph stays as it is. `keras_hooks` catches the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras

from anatomy.bench.counting.formulas import FORMULAS, completed_einsum, has_known_cells
from anatomy.bench.counting.held_network_counts import held_network
from anatomy.bench.counting.interpreter_state import is_sparse
from anatomy.bench.counting.kept_tensors import trains_kernel
from anatomy.bench.counting.keras_hooks import CallVisitor, hooks
from anatomy.bench.counting.known_layers import HELD, classify
from anatomy.bench.counting.layer_call import converted, run
from anatomy.bench.counting.layer_counts import Frame, symbolic_tensors
from anatomy.bench.counting.operations import PRODUCTS, WITHOUT_GRADIENT, attention_output, is_countable
from anatomy.bench.counting.shapes import times
from anatomy.bench.counting.tensor_origin import GradientPath, Origin, joined, mark_reached, training_passes
from anatomy.bench.counting.untraceable import (
    CLOSED,
    ClosedLayerError,
    Tracer,
    UnknownWorkError,
    leave_closed,
    true_reason,
)
from anatomy.bench.counting.wrappers import WRAPPERS, custom_cell


class Interpreter(CallVisitor):
    """Counts the layers that are called while it is active."""

    _tracer: Tracer | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within the block, calls on symbolic tensors are visited."""
        with hooks(self), self.set_visiting(True):
            yield

    def settle_training(self, outputs: Any) -> None:
        """Leave out the gradients that a loss of these outputs, and the losses that layers add, do not need."""
        tensors = [*symbolic_tensors(outputs), *self.losses]
        mark_reached(self.find_origin(tensor).path for tensor in tensors)
        self.counts.settle_training()

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Count one call of a layer on symbolic tensors; returns its symbolic outputs."""
        if not isinstance(layer, keras.Layer):
            return self.visit_prepared(layer, args, kwargs)
        args, kwargs = converted(self, layer, args, kwargs)
        return self.prepare_call(layer, *args, **kwargs)

    def visit_prepared(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Count a call whose layer is built and whose arguments are those that its `call` takes."""
        if isinstance(layer, keras.Function):
            return self.open(layer, args, kwargs, operations=frozenset(map(id, layer.operations)))
        match classify(layer):
            case "formula", name if _has_custom_cell(layer, name):
                return custom_cell(self, layer, args, kwargs)
            case "formula" | "no kernel", _ if getattr(layer, "lora_enabled", False):
                # The factors are multiplied at every call.
                return self.open(layer, args, kwargs, folded=True)
            case "formula", name:
                return self.leaf(layer, args, kwargs, name)
            case "no kernel", _:
                return self.leaf(layer, args, kwargs, None)
            case "wrapper", name:
                return WRAPPERS[name](self, layer, args, kwargs)
            case "untraceable", name if name == HELD:
                return held_network(self, layer, args, kwargs)
            case "untraceable", _:
                return leave_closed(self, layer, args, kwargs, "it runs another library's code")
            case kind, _:
                return self.open(layer, args, kwargs, folded=kind == "folded")

    def call_unvisited(self, layer: Any, args: Any, kwargs: Any, call: Callable[..., Any]) -> Any:
        """Run a layer on values, or on what a backend traces it with."""
        with self.set_visiting(False):
            if self._tracer is not None:
                return self._tracer.pass_on(layer, args, kwargs, call)
            return call(layer, *args, **kwargs)

    def leaf(self, layer: Any, args: Any, kwargs: Any, formula: str | None) -> Any:
        """A layer of Keras that is not opened: its MACs by formula, or none."""
        outputs = self.output_spec(layer, args, kwargs)
        frame = self.enter(layer, (args, kwargs))
        given = self.find_origin((args, kwargs))
        if formula is not None:
            frame.has_kernel = True
            first_in, first_out = symbolic_tensors((args, kwargs))[0], symbolic_tensors(outputs)[0]
            if formula == "EinsumDense":
                # Keras keeps the open lengths of `output_shape` open, even where the input knows them.
                outputs = first_out = completed_einsum(layer, first_in, first_out)
            each = FORMULAS[formula](layer, first_in.shape, first_out.shape)
            # The first axis is the batch's, or holds it: windows of images are many to an example.
            macs = self.per_example(times(first_in.shape[0], each, *self.steps))
            passes = training_passes(Origin(learns=trains_kernel(layer)), given)
            given = given.multiplied()
            frame.add(macs, passes, given.path)
        self.kept.note_view(type(layer).__name__, (args, kwargs), outputs)
        return self.close(frame, outputs, given.deeper(frame.has_kernel).through(learns=_trains(layer)))

    def open(
        self, layer: Any, args: Any, kwargs: Any, *, folded: bool = False, operations: frozenset[int] = frozenset()
    ) -> Any:
        """Run a layer's `call` on the symbolic tensors, and count what it calls."""
        frame = self.enter(layer, (args, kwargs), folded=folded, operations=operations)
        given = self.find_origin((args, kwargs))
        with self.inside(frame):
            outputs = self._call_or_trace(frame, args, kwargs)
        if isinstance(layer, (keras.Function, keras.Sequential)):
            # A container's layers are listed, and it computes nothing besides.
            return outputs
        alone = folded or len(self.counts.rows) == frame.first_row
        if not alone:
            return self.close(frame, outputs, None)
        found = self.find_origin(outputs)
        return self.close(frame, outputs, replace(found, depth=given.depth + frame.has_kernel))

    def visit_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """An operation of `keras.ops`: a row if it is a node of a graph, else part of the open layer."""
        if isinstance(operation, keras.Function):
            return self.visit_layer(operation, args, kwargs)
        args, kwargs = self.with_weights((args, kwargs))
        holder = self.frames[-1]
        is_node = id(operation) in holder.operations
        frame = self.enter(operation, (args, kwargs)) if is_node else holder
        outputs = self._operation_outputs(frame, operation, args, kwargs)
        if type(operation).__name__ == "DotProductAttention":
            outputs = attention_output(symbolic_tensors((args, kwargs)), outputs)
        origin = self.find_origin((args, kwargs))
        if type(operation).__name__ in PRODUCTS:
            origin = origin.multiplied()
            origin = origin.deeper(self._count_products(frame, operation, args, kwargs, outputs, origin.path))
        if type(operation).__name__ in WITHOUT_GRADIENT:
            origin = origin.stopped()
        self.kept.note_view(type(operation).__name__, (args, kwargs), outputs)
        if is_node:
            return self.close(frame, outputs, origin)
        self.set_origin(outputs, origin)
        return outputs

    def _operation_outputs(self, frame: Frame, operation: Any, args: Any, kwargs: Any) -> Any:
        """An operation's symbolic outputs; an operation of unknown work gives the frame a reason."""
        if is_countable(operation):
            return self.output_spec(operation, args, kwargs)
        unknown = f"the work of operation {type(operation).__name__} is not known"
        frame.reasons.append(unknown)
        try:
            return self.output_spec(operation, args, kwargs)
        except Exception as error:
            # A function that it is given may hold a symbolic weight.
            raise UnknownWorkError(unknown) from error

    def _count_products(
        self, frame: Frame, operation: Any, args: Any, kwargs: Any, outputs: Any, path: GradientPath | None
    ) -> bool:
        """Add the MACs of an operation that multiplies to a frame; whether it multiplies with a kernel."""
        if not is_countable(operation):
            return False
        operands = [value for value in keras.tree.flatten((args, kwargs)) if hasattr(value, "shape")]
        if any(map(is_sparse, operands)):
            frame.reasons.append("the work of a product with a sparse tensor depends on its values")
            return False
        with_kernel = False
        for product in PRODUCTS[type(operation).__name__](operation, operands, outputs):
            left, right = (self._factor(operands, places) for places in (product.left, product.right))
            activations = left.from_input and right.from_input
            macs = self.per_example(times(product.macs, *self.steps))
            frame.add(macs, training_passes(left, right), path, product=activations)
            with_kernel = with_kernel or not activations
        frame.has_kernel = frame.has_kernel or with_kernel
        return with_kernel

    def _factor(self, operands: Sequence[Any], places: Sequence[int]) -> Origin:
        return joined(self.find_origin(operands[place]) for place in places)

    def _call_or_trace(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Run a layer's `call` on symbolic tensors, or have the backend trace it if that fails.

        It is run with symbolic weights, and once more with their values, which it may need.

        Raises:
            ClosedLayerError: the layer cannot be traced either.
            Exception: what a model that computes nothing itself raises.
        """
        counts, before, kept = self.counts.snapshot(), frame.snapshot(), self.kept.copy()
        for as_shapes in (True, False):
            try:
                with self.set_values_as_shapes(as_shapes):
                    return run(frame.layer)(*args, **kwargs)
            except Exception as error:  # on shapes, a user's `call` may raise anything
                if isinstance(frame.layer, (keras.Function, keras.Sequential)):
                    raise
                failure: Exception = error
                self.counts.restore(counts)
                frame.restore(before)
                self.kept = kept.copy()
                if isinstance(error, ClosedLayerError):
                    break
        why = true_reason(failure)
        frame.reasons.append(why if isinstance(failure, UnknownWorkError) else f"{CLOSED}: {why}")
        return self._trace(frame.layer, args, kwargs, failure)

    def _trace(self, layer: Any, args: Any, kwargs: Any, failure: Exception) -> Any:
        """Have the backend trace a layer's `call`, and count the sublayers that it calls on the way.

        A trace does not show which output went where, so the calls count as following each other: the depth is an
        upper bound.
        """
        tracer = Tracer()
        given = self.find_origin((args, kwargs))
        self._tracer, before = tracer, self._tracer
        try:
            with self.set_visiting(False):
                outputs = tracer.output_spec(layer, args, kwargs, failure)
        finally:
            self._tracer = before
        behind = given
        around, self.kept.traced = self.kept.traced, True
        for sublayer, inputs, options in tracer.calls:
            self.set_origin((inputs, options), behind)
            behind = joined([behind, self.find_origin(self.visit_layer(sublayer, inputs, options))])
        self.kept.traced = around
        self.set_origin(outputs, behind.through(learns=_trains(layer)))
        return outputs


def _trains(layer: Any) -> bool:
    """Whether a layer has a weight that training changes, so that what follows needs a gradient."""
    return any(weight.trainable for weight in getattr(layer, "weights", ()))


def _has_custom_cell(layer: Any, name: str) -> bool:
    return hasattr(layer, "cell") and not name.startswith("ConvLSTM") and not has_known_cells(layer)
