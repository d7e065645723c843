"""Attribute what torch's profiler recorded of a GPU to layers: by the marks around launches, backward by autograd.

A kernel is tied to its launch by `correlation`, to an operation by the launch's time or `External id`, to a layer by
the mark around the operation, and a gradient's to the layer of the forward operation that has its sequence number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from anatomy.bench.gpu_trace.host_spans import LaunchSite, launch_sites
from anatomy.bench.gpu_trace.kernel_kinds import short_name, tensor_cores
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostSpan, RecordedTrace
from anatomy.bench.profiling.device_steps import device_trace
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import FETCH, Trace, Work
from anatomy.bench.profiling.work_kinds import HEAVY, kind_of_kernel
from anatomy.bench.records.case_profile import OPTIMIZER, Pass

_NODE = "autograd::engine::evaluate_function: "
# Calls of a compiled function, which say nothing of the operations in it.
_COMPILED = re.compile(r"Compiled(?:Function|FxGraph)|Torch-Compiled Region|TorchDynamo")
_TRITON = "triton_"


def torch_device_trace(recorded: RecordedTrace, layers: LayerIndex) -> Trace:
    """The steps of a trace whose layer calls are marked, with the work of the GPU at its layers."""
    sites = launch_sites(recorded, lambda spans: _layer(spans, layers) or "")
    works = [_work(one, site, layers) for one, site in zip(recorded.work, sites, strict=True)]
    calls = [
        (span, Work(layer, "Python", "host", "forward"))
        for span in recorded.spans
        if span.type == "annotation" and (layer := _layer([span], layers))
    ]
    return device_trace(recorded, works, calls, _notes(recorded, works))


def _layer(spans: Sequence[HostSpan], layers: LayerIndex) -> str | None:
    return layers.find([span.name for span in spans if span.type == "annotation"])


def _work(one: DeviceWork, site: LaunchSite, layers: LayerIndex) -> Work | None:
    if any(span.name == FETCH for span in site.around):
        return None
    layer = site.place or None
    operation = _operation(site)
    fused = one.name.startswith(_TRITON)
    kind = kind_of_kernel(one, operation, layer, layers.family(layer))
    pass_: Pass = "update" if layer == OPTIMIZER else "backward" if site.is_backward else "forward"
    return Work(
        layer=layer,
        name=operation or short_name(one.name),
        kind=kind,
        pass_=pass_,
        # How many a compiler merged into a kernel is not in the trace.
        fused=None if fused else 1,
        tensor_cores=tensor_cores(one.name) if one.type == "kernel" and kind in HEAVY else None,
    )


def _operation(site: LaunchSite) -> str:
    """The outermost operation within the layer's call, as a CPU's profile names it; empty if there is none."""
    inner = 0
    for place, span in enumerate(site.around):
        if span.type == "annotation":
            inner = place + 1
    operations = [span for span in site.around[inner:] if span.type == "operation"] or site.operations
    return next((name for span in operations if not _COMPILED.search(name := _name(span))), "")


def _name(span: HostSpan) -> str:
    """`aten::addmm`; of a node of autograd `AddmmBackward0`."""
    return span.name.removeprefix(_NODE).rpartition("::")[2] if span.name.startswith(_NODE) else span.name


def _notes(recorded: RecordedTrace, works: Sequence[Work | None]) -> Iterator[str]:
    """What of the work no layer can be known for, and why."""
    kept = [(one, found.layer) for one, found in zip(recorded.work, works, strict=True) if found is not None]
    without = [one for one, layer in kept if layer is None]
    of_all = f"of {len(recorded.work):,} kernels and copies"
    if graphs := sum(one.in_graph for one in without):
        yield f"{graphs:,} {of_all} are nodes of CUDA graphs, which name no layers: they are unattributed"
    launched = [one for one in without if not one.in_graph]
    by_compiler = sum(one.name.startswith(_TRITON) for one in launched)
    # The layers of a compiled step have no marks: a library's kernels in it have no layer either.
    if len(without) == len(kept):
        if launched and (by_compiler or any(_COMPILED.search(span.name) for span in recorded.spans)):
            yield (
                f"{len(launched):,} {of_all} are of a step made by torch.compile, which names no layers: they are "
                "unattributed; use --jit off for layers"
            )
    elif by_compiler:
        yield f"{by_compiler:,} {of_all} were made by torch.compile outside the layers' calls: they are unattributed"
