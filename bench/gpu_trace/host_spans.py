"""Ties device work to what the host did when it launched it: the operation, the layer's call, the part of the step."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostSpan, RecordedTrace

StepPart = Literal["forward", "backward", "optimizer"]

_AUTOGRAD = "autograd::engine::evaluate_function"
# In the names of annotations: "## forward ##", "DistributedDataParallel.forward", "Optimizer.step#SGD.step".
_ANNOTATED: tuple[tuple[StepPart, re.Pattern[str]], ...] = (
    ("optimizer", re.compile(r"optimi[sz]er", re.IGNORECASE)),
    ("backward", re.compile(r"(?<![a-z])backward(?![a-z])", re.IGNORECASE)),
    ("forward", re.compile(r"(?<![a-z])forward(?![a-z])", re.IGNORECASE)),
)
# In the names that XLA and TensorFlow give operations.
_SCOPED: tuple[tuple[StepPart, re.Pattern[str]], ...] = (
    ("backward", re.compile(r"gradient_tape|(?:^|/)gradients/|transpose\(jvp")),
    ("optimizer", re.compile(r"(?:^|/)(?:adam\w*|sgd|rmsprop|adagrad|lamb|optimi[sz]er\w*)/", re.IGNORECASE)),
)
# What JAX wraps a scope in, and scopes that are no layers: compiled functions, bodies of loops, TensorFlow's own.
_TRANSFORMED = re.compile(r"(?:transpose|jvp|vmap|checkpoint|remat\d?|custom_[jv]\w+)\((.*)\)")
_NO_LAYER = re.compile(
    r"p?jit\(.*\)|while|body|cond|branch_\d+_fun|closed_call|core_call|checkpoint|rematted_computation|gradient_tape|gradients"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where device work came from.

    Attributes:
        operation: the innermost operation around the launch; empty if none is known.
        module: the layers' calls around it, outermost first, joined by `/`; empty if the trace names none.
        part: of a training step; `None` where neither annotations nor autograd tell.
    """

    operation: str = ""
    module: str = ""
    part: StepPart | None = None


def find_origins(trace: RecordedTrace) -> list[Origin]:
    """The origin of each piece of work, in the order of `trace.work`."""
    by_external = {
        span.external: span for span in trace.spans if span.type == "operation" and span.external is not None
    }
    backward = sorted(
        (span.start_ns, span.end_ns)
        for span in trace.spans
        if span.type == "annotation" and _part_of(span.name, _ANNOTATED) == "backward"
    )
    launches: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, work in enumerate(trace.work):
        if launch := trace.launch(work):
            launches[launch.thread].append((launch.start_ns, number))
    around = _around(trace, launches)
    of_sequence = _modules_by_sequence(trace)
    scoped = [_part_of(work.operation, _SCOPED) for work in trace.work]
    # Names without a scope are of the forward pass only where others have one.
    unscoped: StepPart | None = "forward" if any(scoped) else None
    return [
        Origin(work.operation, module_of_scopes(work.operation), scoped[number] or unscoped)
        if work.operation
        else _origin(work, around.get(number, ()), by_external, of_sequence, backward, trace)
        for number, work in enumerate(trace.work)
    ]


def module_of_scopes(operation: str) -> str:
    """The layers in an operation's name: `jit(step)/transpose(jvp(net))/dense_1/dot_general` → `net/dense_1`."""
    found = []
    for part in operation.split("/")[:-1]:
        inner = part
        while wrapped := _TRANSFORMED.fullmatch(inner):
            inner = wrapped[1]
        if inner and not _NO_LAYER.fullmatch(inner):
            found.append(inner)
    return "/".join(found)


def _origin(
    work: DeviceWork,
    chain: Sequence[HostSpan],
    by_external: Mapping[int, HostSpan],
    of_sequence: Mapping[int, str],
    backward: Sequence[tuple[int, int]],
    trace: RecordedTrace,
) -> Origin:
    operations = [span for span in chain if span.type == "operation"]
    if not operations and work.external is not None and work.external in by_external:
        operations = [by_external[work.external]]
    module = _module(chain)
    if not module:
        # A gradient belongs to the layer of its forward operation, whose number it has.
        module = next((of_sequence[span.sequence] for span in operations if span.sequence in of_sequence), "")
    return Origin(operations[-1].name if operations else "", module, _part(work, chain, operations, backward, trace))


def _part(
    work: DeviceWork,
    chain: Sequence[HostSpan],
    operations: Sequence[HostSpan],
    backward: Sequence[tuple[int, int]],
    trace: RecordedTrace,
) -> StepPart | None:
    """By an annotation around the launch, then by autograd, then by an annotation around another thread."""
    for span in reversed(chain):
        if span.type == "annotation" and (part := _part_of(span.name, _ANNOTATED)):
            return part
    if any(span.backward or span.name.startswith(_AUTOGRAD) for span in operations):
        return "backward"
    launch = trace.launch(work)
    if launch and any(start <= launch.start_ns < end for start, end in backward):
        return "backward"
    return "forward" if any(span.sequence >= 0 for span in operations) else None


def _part_of(name: str, patterns: Sequence[tuple[StepPart, re.Pattern[str]]]) -> StepPart | None:
    return next((part for part, pattern in patterns if pattern.search(name)), None)


def _module(chain: Sequence[HostSpan]) -> str:
    return "/".join(span.name for span in chain if span.type == "module")


def _modules_by_sequence(trace: RecordedTrace) -> dict[int, str]:
    """Autograd's number → the layer whose call made the node: that of the last operation that has the number."""
    if not any(span.type == "module" for span in trace.spans):
        return {}
    begun: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, span in enumerate(trace.spans):
        if span.type == "operation" and span.sequence >= 0 and not span.backward:
            begun[span.thread].append((span.start_ns, number))
    around = _around(trace, begun)
    return {
        trace.spans[number].sequence: module
        for found in begun.values()
        for _, number in sorted(found)
        if (module := _module(around[number]))
    }


def _around(trace: RecordedTrace, times: Mapping[str, Sequence[tuple[int, int]]]) -> dict[int, tuple[HostSpan, ...]]:
    """Number → the spans around a time of a thread, outermost first; `times` has a thread's times and numbers."""
    spans: dict[str, list[HostSpan]] = defaultdict(list)
    for span in trace.spans:
        if span.type != "step":
            spans[span.thread].append(span)
    return {number: chain for thread, found in times.items() for number, chain in _chains(spans[thread], sorted(found))}


def _chains(spans: list[HostSpan], launches: Sequence[tuple[int, int]]) -> Iterator[tuple[int, tuple[HostSpan, ...]]]:
    spans.sort(key=lambda span: (span.start_ns, -span.end_ns))
    open_: list[HostSpan] = []
    at = 0
    for start_ns, number in launches:
        while at < len(spans) and spans[at].start_ns <= start_ns:
            open_ = [span for span in open_ if span.end_ns > spans[at].start_ns]
            open_.append(spans[at])
            at += 1
        open_ = [span for span in open_ if span.end_ns > start_ns]
        yield number, tuple(open_)
