"""What is replaced in Keras while a model runs on shapes, so that calls, weights and constants are seen.

Everything here is put back at the end. A call of a layer goes through Keras's own `Layer.__call__`, which casts its
inputs, builds it and resolves `training`, masks and other arguments; where Keras would infer the outputs of a symbolic
call, the visitor is called instead. A weight that a layer's `call` reads becomes symbolic as well: then what it is
multiplied with is seen, and no value is drawn or changed.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState, is_constant, is_weight
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.operations import PRODUCTS

# `keras.Variable` hands these on to the backend, past `keras.ops`. `==` is left: it may mean the same variable.
_OPERATORS = (
    "getitem neg abs invert lt le gt ge add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow "
    "rpow matmul rmatmul and rand or ror xor rxor round"
)
# Functions of `keras.random` that are given a shape, or a tensor whose shape they keep.
_SHAPED = "normal truncated_normal uniform randint gamma beta binomial"
_ALIKE = "dropout shuffle"


class CallVisitor(InterpreterState):
    """What is done with the calls.

    Attributes:
        prepare_call: Keras's `Layer.__call__`, which hands a call on to `visit_prepared`.
    """

    prepare_call: Callable[..., Any]

    def visit_layer(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Count one call of a layer on symbolic tensors; returns its symbolic outputs."""
        raise NotImplementedError

    def visit_prepared(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Count a call whose layer is built and whose arguments are those that its `call` takes."""
        raise NotImplementedError

    def visit_operation(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Count one call of an operation of `keras.ops` on symbolic tensors; returns its symbolic outputs."""
        raise NotImplementedError

    def call_unvisited(self, layer: Any, args: Any, kwargs: Any, call: Callable[..., Any]) -> Any:
        """Run a layer on values, or on what a backend traces it with."""
        raise NotImplementedError


@contextmanager
def hooks(visitor: CallVisitor) -> Iterator[None]:
    """Within the block, calls on symbolic tensors are visited, for the whole process."""
    filtered = keras.config.is_traceback_filtering_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        # Keras has said so when the model was built.
        warnings.filterwarnings("ignore", message=".*was passed an input with a mask attached")
        # Errors keep the message that they were raised with.
        keras.config.disable_traceback_filtering()
        stack.callback(keras.config.enable_traceback_filtering if filtered else lambda: None)
        for owner, name, replacement in [
            *_calls(visitor),
            *_preparation(visitor, stack),
            *_weights(visitor),
            *_constants(visitor),
            *_draws(visitor),
        ]:
            stack.enter_context(mock.patch.object(owner, name, replacement, create=True))
        stack.enter_context(_without(keras.KerasTensor, "__jax_array__"))
        yield


@contextmanager
def _without(owner: Any, name: str) -> Iterator[None]:
    """Within the block, a class lacks an attribute of its own: an array of JAX then leaves operators to the class."""
    removed = owner.__dict__[name]
    delattr(owner, name)
    try:
        yield
    finally:
        setattr(owner, name, removed)


def _calls(visitor: CallVisitor) -> Iterator[tuple[Any, str, Any]]:
    """Layers and operations are visited."""
    call_layer, layer_outputs = keras.Layer.__call__, keras.Layer.symbolic_call
    call_operation = keras.Operation.symbolic_call

    def layer_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if visitor.visiting and symbolic_tensors((args, kwargs)):
            return visitor.visit_layer(layer, args, kwargs)
        if visitor.visiting and visitor.frames and _has_values((args, kwargs)):
            outputs = visitor.visit_layer(layer, *visitor.on_shapes((args, kwargs)))
            if visitor.values_as_shapes:
                return outputs
        return visitor.call_unvisited(layer, args, kwargs, call_layer)

    def layer_visit(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if visitor.visiting:
            return visitor.visit_prepared(layer, args, kwargs)
        return layer_outputs(layer, *args, **kwargs)

    def operation_visit(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if not visitor.visiting:
            return call_operation(operation, *args, **kwargs)
        if type(operation).__name__ == "ConvertToTensor" and is_weight(args[0]):
            return visitor.weight(args[0])
        return visitor.visit_operation(operation, args, kwargs)

    visitor.prepare_call = call_layer
    yield keras.Layer, "__call__", layer_call
    yield keras.Layer, "symbolic_call", layer_visit
    yield keras.Operation, "symbolic_call", operation_visit


def _preparation(visitor: CallVisitor, stack: ExitStack) -> Iterator[tuple[Any, str, Any]]:
    """What `Layer.__call__` does around the call leaves no trace in the model and is not counted."""
    build, set_masks, add_loss = keras.Layer._maybe_build, keras.Layer._set_mask_metadata, keras.Layer.add_loss
    module = sys.modules[keras.Layer.__module__]
    node = module.Node
    inherited = {keras.Layer.build, keras.Model.build, keras.Sequential.build}

    def build_layer(layer: Any, call_spec: Any) -> None:
        if not layer.built and type(layer).build in inherited:
            # Its sublayers are built when they are called. Keras calls it built afterwards.
            stack.callback(setattr, layer, "built", False)
            return
        with visitor.set_visiting(False):
            build(layer, call_spec)

    def set_layer_masks(layer: Any, *args: Any, **kwargs: Any) -> None:
        with visitor.set_visiting(False):
            set_masks(layer, *args, **kwargs)

    def note_loss(layer: Any, loss: Any) -> None:
        if not visitor.visiting:
            add_loss(layer, loss)
        visitor.losses += symbolic_tensors(loss)

    def add_node(*args: Any, **kwargs: Any) -> Any:
        return None if visitor.visiting else node(*args, **kwargs)

    yield keras.Layer, "_maybe_build", build_layer
    yield keras.Layer, "_set_mask_metadata", set_layer_masks
    yield keras.Layer, "add_loss", note_loss
    yield module, "Node", add_node


def _weights(visitor: CallVisitor) -> Iterator[tuple[Any, str, Any]]:
    """Variables are symbolic in a layer's `call`, and keep their values."""
    read, assign, draw = keras.Variable.value, keras.Variable.assign, keras.random.SeedGenerator.next

    def inside() -> bool:
        return visitor.visiting and bool(visitor.frames) and visitor.values_as_shapes

    def value(variable: Any) -> Any:
        if inside():
            return visitor.weight(variable)
        if visitor.visiting and visitor.frames and len(variable.shape) > 1:
            # Whatever the backend multiplies it with is not seen.
            visitor.frames[-1].reasons.append(f"it reads the values of its weight {variable.name!r}")
        return read.fget(variable)

    def assign_value(variable: Any, new: Any) -> Any:
        return new if visitor.visiting else assign(variable, new)

    def next_seed(generator: Any, *args: Any, **kwargs: Any) -> Any:
        with visitor.set_visiting(False), keras.StatelessScope(initialize_variables=False):
            return draw(generator, *args, **kwargs)

    def operator(name: str) -> Callable[..., Any]:
        original = getattr(keras.Variable, name)

        def apply(variable: Any, *operands: Any) -> Any:
            if inside():
                return getattr(visitor.weight(variable), name)(*operands)
            if visitor.visiting and symbolic_tensors(operands):
                return NotImplemented
            return original(variable, *operands)

        return apply

    yield keras.Variable, "value", property(value)
    yield keras.Variable, "assign", assign_value
    yield keras.random.SeedGenerator, "next", next_seed
    for word in _OPERATORS.split():
        yield keras.Variable, f"__{word}__", operator(f"__{word}__")
    is_symbolic = sys.modules[keras.KerasTensor.__module__].any_symbolic_tensors

    def any_symbolic(args: Any = None, kwargs: Any = None) -> bool:
        return bool(is_symbolic(args, kwargs)) or (
            inside() and any(is_weight(leaf) for leaf in keras.tree.flatten((args, kwargs)))
        )

    for name, module in list(sys.modules.items()):
        if name.startswith("keras.") and getattr(module, "any_symbolic_tensors", None) is is_symbolic:
            yield module, "any_symbolic_tensors", any_symbolic


def _constants(visitor: CallVisitor) -> Iterator[tuple[Any, str, Any]]:
    """What multiplies values alone is visited too, and an array of numpy leaves operators to symbolic tensors."""

    def seen(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            given = (args, kwargs)
            if visitor.visiting and visitor.frames and not symbolic_tensors(given) and _has_values(given):
                shapes, options = visitor.on_shapes(given)
                outputs = function(*shapes, **options)
                if visitor.values_as_shapes:
                    return outputs
                with visitor.set_visiting(False):
                    return function(*args, **kwargs)
            return function(*args, **kwargs)

        return call

    def without_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
        with_gradient = own_gradient(function)

        def call(*args: Any, **kwargs: Any) -> Any:
            if visitor.visiting:
                return function(*args, **kwargs)[0]
            return with_gradient(*args, **kwargs)

        return call

    own_gradient = keras.ops.custom_gradient
    yield keras.KerasTensor, "__array_ufunc__", None
    # Keras's own layers have the second.
    for module in (keras.ops, sys.modules["keras.src.ops"]):
        yield module, "custom_gradient", without_gradient
        for name in map(_function_name, PRODUCTS):
            yield module, name, seen(getattr(module, name))


def _draws(visitor: CallVisitor) -> Iterator[tuple[Any, str, Any]]:
    """Random numbers have the shape that they are asked for, and are not drawn."""

    def shaped(function: Callable[..., Any]) -> Callable[..., Any]:
        usual = inspect.signature(function)

        def draw(*args: Any, **kwargs: Any) -> Any:
            if not (visitor.visiting and visitor.frames and visitor.values_as_shapes):
                return function(*args, **kwargs)
            given = usual.bind(*args, **kwargs)
            given.apply_defaults()
            dtype = given.arguments["dtype"] or keras.config.floatx()
            return visitor.constant(given.arguments["shape"], dtype)

        return draw

    def alike(function: Callable[..., Any]) -> Callable[..., Any]:
        def draw(tensor: Any, *args: Any, **kwargs: Any) -> Any:
            if not (visitor.visiting and symbolic_tensors(tensor)):
                return function(tensor, *args, **kwargs)
            drawn = keras.KerasTensor(tensor.shape, dtype=tensor.dtype)
            visitor.share(tensor, drawn)
            return drawn

        return draw

    for names, replacement in ((_SHAPED, shaped), (_ALIKE, alike)):
        for name in names.split():
            yield keras.random, name, replacement(getattr(keras.random, name))


def _function_name(operation: str) -> str:
    """The function of `keras.ops` that makes an operation: `DepthwiseConv` → `depthwise_conv`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def _has_values(structure: Any) -> bool:
    return any(is_weight(leaf) or is_constant(leaf) for leaf in keras.tree.flatten(structure))
