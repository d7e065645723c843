"""TensorFlow's profiler on the frozen graph of the forward pass. Needs `KERAS_BACKEND=tensorflow`.

It adds up the figures that TensorFlow registers for an operation (`tensorflow/python/profiler/internal/
flops_registry.py`, `nn_ops.py`); operations without one, and the bodies of loops, add nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import ops
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.ops.control_flow_util_v2 import get_func_graph

from anatomy.bench.counting.einsum import einsum_macs
from anatomy.bench.cross_check.counter_rows import Row, Term
from anatomy.bench.cross_check.subject import Subject, build, pure_forward

_PRODUCTS = "MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput"
PRODUCTS = frozenset(_PRODUCTS.split())
# What a weighted product is called, where TensorFlow registers no figure for it.
UNREGISTERED = frozenset({"Einsum", "Conv3DBackpropInputV2"})
_TRANSPOSED, _DILATED = "transposed convolutions", "dilated convolutions"
_SURPLUS = {
    _TRANSPOSED: "output positions / strides are counted, not input positions",
    _DILATED: "run as several plain ones, with positions that are thrown away",
}
_LOOPS = frozenset({"While", "StatelessWhile"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})


@dataclass
class Tally:
    """FLOPs of a graph: as registered, and those that the profiler does not see.

    Attributes:
        products: convolutions and matrix products, as registered.
        others: everything else with a figure, by operation.
        unregistered: products without a figure, by operation.
        shapeless: products whose shapes the frozen graph has lost, by operation.
        functions: products inside functions that the graph calls.
        loops: products in the bodies of loops, as often as they run.
        trips: how often loops run.
        surplus: what the registered figures have more than Anatomy's formulas, by cause.
    """

    products: int = 0
    others: Counter[str] = field(default_factory=Counter)
    unregistered: Counter[str] = field(default_factory=Counter)
    shapeless: Counter[str] = field(default_factory=Counter)
    functions: int = 0
    loops: int = 0
    trips: set[int] = field(default_factory=set)
    surplus: Counter[str] = field(default_factory=Counter)

    @property
    def all_products(self) -> int:
        """Every product by Anatomy's formulas, each as often as it runs."""
        unseen = self.unregistered.total() + self.shapeless.total() + self.functions + self.loops
        return self.products - self.surplus.total() + unseen


def rows(subject: Subject) -> list[Row]:
    """One row."""
    model, inputs = build(subject, weights=False)
    forward = tf.function(pure_forward(model), jit_compile=False)
    weights = [
        [_spec(weight) for weight in group] for group in (model.trainable_variables, model.non_trainable_variables)
    ]
    concrete = forward.get_concrete_function(*weights, keras.tree.map_structure(_spec, inputs))
    graph = convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph
    found = tally(graph, concrete.graph)
    return [
        Row(
            "TensorFlow profiler",
            tf.__version__,
            _profiled(graph),
            products=found.products,
            terms=tuple(_terms(found)),
        )
    ]


def _spec(tensor: Any) -> Any:
    return tf.TensorSpec(tuple(tensor.shape), tensor.dtype)


def _profiled(graph: Any) -> int:
    options = tf.compat.v1.profiler.ProfileOptionBuilder
    quiet = options(options.float_operation()).with_empty_output().build()
    return int(tf.compat.v1.profiler.profile(graph, options=quiet).total_float_ops)


def tally(graph: Any, traced: Any) -> Tally:
    """Add up a graph.

    Args:
        traced: the graph before it was frozen, in which all shapes are known: freezing loses those
            behind functions that the graph calls. The names are the same.
    """
    found = Tally()
    for op in graph.get_operations():
        if op.type in _LOOPS | _CALLS:
            _add_body(found, op, _as_traced(op, traced))
        elif op.type in UNREGISTERED:
            found.unregistered[op.type] += 2 * _unregistered_macs(_as_traced(op, traced))
        else:
            _add_registered(found, op, _as_traced(op, traced))
    return found


def _as_traced(op: Any, traced: Any) -> Any:
    try:
        return traced.get_operation_by_name(op.name)
    except KeyError:
        return op


def _add_registered(found: Tally, op: Any, traced: Any) -> None:
    """An operation's registered figure, or what it would be if the frozen graph knew its shapes."""
    flops = _registered(op)
    if flops is None:
        found.shapeless += Counter({op.type: _registered(traced) or 0} if op.type in PRODUCTS else {})
    elif op.type in PRODUCTS:
        found.products += flops
        found.surplus += _surplus(op, flops)
    elif flops:
        found.others[op.type] += flops


def _registered(op: Any) -> int | None:
    """TensorFlow's figure for an operation, 0 where it has none; `None` where a shape is not known."""
    try:
        return int(ops.get_stats_for_node_def(op.graph, op.node_def, "flops").value or 0)
    except ValueError:
        return None


def _add_body(found: Tally, op: Any, traced: Any) -> None:
    """The products of a function that the graph calls, or of a loop's body, as often as it runs at most."""
    is_loop = op.type in _LOOPS
    body_graph = get_func_graph(
        traced, [tensor.shape for tensor in traced.inputs], traced.get_attr("body" if is_loop else "f").name
    )
    products = tally(body_graph, body_graph).all_products
    if is_loop and products:
        trips = _trips(op)
        found.loops += trips * products
        found.trips.add(trips)
    elif not is_loop:
        found.functions += products


def _trips(op: Any) -> int:
    """How often a loop runs at most: its inputs are its counter, its limit and its variables.

    1 where that depends on data, so that the rest stays unexplained.
    """
    try:
        with tf.compat.v1.Session(graph=op.graph) as session:
            limit = int(session.run(op.inputs[1]))
    except tf.errors.InvalidArgumentError:
        return 1
    return limit if limit > 0 else 1


def _unregistered_macs(op: Any) -> int:
    """MACs of an operation for which TensorFlow registers no figure."""
    if op.type == "Einsum":
        shapes = [tensor.shape.as_list() for tensor in op.inputs]
        return einsum_macs(op.get_attr("equation").decode(), *shapes) or 0
    return _transposed_macs(op)


def _surplus(op: Any, flops: int) -> Counter[str]:
    """What a product's registered figure has more than Anatomy's formula gives."""
    if op.type == "Conv2DBackpropInput":
        return Counter({_TRANSPOSED: flops - 2 * _transposed_macs(op)})
    source = op.inputs[0].op
    if source.type == "ExpandDims":  # a convolution along one axis
        source = source.inputs[0].op
    if source.type == "SpaceToBatchND":
        kept = _joined(op).shape.num_elements()
        return Counter({_DILATED: flops - flops * kept // op.outputs[0].shape.num_elements()})
    return Counter()


def _joined(op: Any) -> Any:
    """What the parts of a dilated convolution are put together to."""
    while op.type != "BatchToSpaceND":
        op = next(user for user in op.outputs[0].consumers() if user.type in ("BatchToSpaceND", "Squeeze"))
    return op.outputs[0]


def _transposed_macs(op: Any) -> int:
    """Of a transposed convolution: every input position meets the whole kernel.

    The operation's inputs are the output's shape, the kernel (…, output channels, input channels) and the input.
    """
    kernel, inputs = op.inputs[1].shape, op.inputs[2].shape
    return int(inputs.num_elements() // kernel[-1] * kernel.num_elements())


def _terms(found: Tally) -> list[Term]:
    terms = []
    if found.loops:
        steps = " and ".join(f"{trips:,}" for trips in sorted(found.trips))
        terms.append(Term("loops", -found.loops, f"loop bodies are not counted at all; these run {steps} times"))
    if found.functions:
        terms.append(Term("functions", -found.functions, "functions that the graph calls are not entered"))
    if found.shapeless:
        detail = f"shapes unknown in the frozen graph: {_largest(found.shapeless)}"
        terms.append(Term("unknown shapes", -found.shapeless.total(), detail))
    if found.unregistered:
        detail = f"TensorFlow has no figure for {_largest(found.unregistered)}"
        terms.append(Term("no statistics", -found.unregistered.total(), detail))
    terms += [Term(cause, flops, _SURPLUS[cause]) for cause, flops in found.surplus.items() if flops]
    if found.others:
        terms.append(Term("other operations", found.others.total(), _largest(found.others)))
    return terms


def _largest(found: Counter[str]) -> str:
    """The four operations with most FLOPs."""
    return ", ".join(f"{name} {flops:,}" for name, flops in found.most_common(4))
