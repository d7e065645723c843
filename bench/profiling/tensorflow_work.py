"""Attribute TensorFlow's operations, which are named by their scopes: `conv1__L4_anatomy/Relu:Relu`."""

from __future__ import annotations

from anatomy.bench.gpu_trace.kernel_kinds import short_name, tensor_cores
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, RecordedTrace
from anatomy.bench.profiling.device_steps import device_trace
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import Trace, Work
from anatomy.bench.profiling.work_kinds import HEAVY, is_remapped, kind_of, kind_of_kernel
from anatomy.bench.records.case_profile import OPTIMIZER, Pass

# Draws a batch within the graph of `fit`: this time is waiting, not computing.
FETCHING = "IteratorGetNext"
_GRADIENTS = ("gradient_tape", "gradients")


def operation_work(scopes: list[str], kind: str, layers: LayerIndex) -> Work:
    """What an operation does, by its scopes, outermost first, and its type."""
    layer = layers.find(scopes)
    pass_: Pass = "backward" if any(scope in _GRADIENTS for scope in scopes) else "forward"
    if layer == OPTIMIZER:
        pass_ = "update"
    # The number of merged operations is an attribute of the node, which the trace lacks.
    return Work(layer, kind, kind_of(kind, layer, layers.family(layer)), pass_, None if is_remapped(kind) else 1)


def tensorflow_device_trace(recorded: RecordedTrace, layers: LayerIndex) -> Trace:
    """The steps of a trace in which TensorFlow's executor launched the work of a GPU."""
    return device_trace(recorded, [_work(one, layers) for one in recorded.work])


def _work(one: DeviceWork, layers: LayerIndex) -> Work | None:
    place, colon, type_ = one.operation.rpartition(":")
    if type_ == FETCHING:
        return None
    if not colon:
        return Work(None, one.operation or short_name(one.name), kind_of_kernel(one, "", None, None), "forward")
    found = operation_work(place.split("/")[:-1], type_, layers)
    kind = kind_of_kernel(one, type_, found.layer, layers.family(found.layer))
    is_product = one.type == "kernel" and kind in HEAVY
    return Work(found.layer, type_, kind, found.pass_, found.fused, tensor_cores(one.name) if is_product else None)
