"""Ties device work to what the host did when it launched it: the operation, the layer's call, the part of the step."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostSpan, RecordedTrace

StepPart = Literal["forward", "backward", "optimizer"]

_AUTOGRAD = "autograd::engine::evaluate_function"
# Adds a gradient to a variable.
_ACCUMULATE = "AccumulateGrad"
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


@dataclass(frozen=True, slots=True)
class LaunchSite:
    """What the host did where it launched a piece of work.

    Attributes:
        around: the spans around the launch, outermost first; where that was not recorded, those around the beginning of
            the operation with the work's `External id`.
        operations: the operations among them; the one with that number where there are none.
        place: of the spans around it, by the caller's rule; of a gradient, that of its forward operation.
    """

    around: tuple[HostSpan, ...] = ()
    operations: tuple[HostSpan, ...] = ()
    place: str = ""

    @property
    def is_backward(self) -> bool:
        """Whether autograd ran it."""
        return any(_is_node(span) for span in self.operations)


# The layer that spans around a launch name, outermost first; empty if they name none.
PlaceOf = Callable[[Sequence[HostSpan]], str]


def launch_sites(trace: RecordedTrace, place_of: PlaceOf | None = None) -> list[LaunchSite]:
    """Where each piece of work was launched, in the order of `trace.work`.

    A gradient belongs to the place of its forward operation, whose number (autograd's) it has. The sum of gradients
    into a variable has no number: it belongs to the node before it.

    Args:
        place_of: `None` for a trace that names no layers.
    """
    by_external: dict[int | None, HostSpan] = {
        span.external: span for span in trace.spans if span.type == "operation" and span.external is not None
    }
    launches: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, work in enumerate(trace.work):
        if begun := trace.launch(work) or by_external.get(work.external):
            launches[begun.thread].append((begun.start_ns, number))
    around = _around(trace, launches)
    of_node = _places_of_nodes(trace, place_of) if place_of else {}
    return [
        _site(around.get(number, ()), by_external.get(work.external), of_node, place_of)
        for number, work in enumerate(trace.work)
    ]


def find_origins(trace: RecordedTrace) -> list[Origin]:
    """The origin of each piece of work, in the order of `trace.work`."""
    backward = sorted(
        (span.start_ns, span.end_ns)
        for span in trace.spans
        if span.type == "annotation" and _part_of(span.name, _ANNOTATED) == "backward"
    )
    names_layers = any(span.type == "module" for span in trace.spans)
    sites = launch_sites(trace, _module if names_layers else None)
    scoped = [_part_of(work.operation, _SCOPED) for work in trace.work]
    # Names without a scope are of the forward pass only where others have one.
    unscoped: StepPart | None = "forward" if any(scoped) else None
    return [
        Origin(work.operation, module_of_scopes(work.operation), part or unscoped)
        if work.operation
        else Origin(site.operations[-1].name if site.operations else "", site.place, _part(work, site, backward, trace))
        for work, site, part in zip(trace.work, sites, scoped, strict=True)
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


def _site(
    around: tuple[HostSpan, ...],
    external: HostSpan | None,
    of_node: Mapping[HostSpan, str],
    place_of: PlaceOf | None,
) -> LaunchSite:
    operations = tuple(span for span in around if span.type == "operation")
    if not operations and external is not None:
        operations = (external,)
    node = next((span for span in operations if _is_node(span)), None)
    place = of_node.get(node, "") if node is not None else ""
    return LaunchSite(around, operations, place or (place_of(around) if place_of else ""))


def _is_node(span: HostSpan) -> bool:
    return span.backward or span.name.startswith(_AUTOGRAD)


def _part(
    work: DeviceWork, site: LaunchSite, backward: Sequence[tuple[int, int]], trace: RecordedTrace
) -> StepPart | None:
    """By an annotation around the launch, then by autograd, then by an annotation around another thread."""
    for span in reversed(site.around):
        if span.type == "annotation" and (part := _part_of(span.name, _ANNOTATED)):
            return part
    if site.is_backward:
        return "backward"
    launch = trace.launch(work)
    if launch and any(start <= launch.start_ns < end for start, end in backward):
        return "backward"
    return "forward" if any(span.sequence >= 0 for span in site.operations) else None


def _part_of(name: str, patterns: Sequence[tuple[StepPart, re.Pattern[str]]]) -> StepPart | None:
    return next((part for part, pattern in patterns if pattern.search(name)), None)


def _module(chain: Sequence[HostSpan]) -> str:
    return "/".join(span.name for span in chain if span.type == "module")


def _places_of_nodes(trace: RecordedTrace, place_of: PlaceOf) -> dict[HostSpan, str]:
    """Autograd's node → the place of its forward operation; the sum of gradients that follows has the same."""
    of_number = _places_by_number(trace, place_of)
    found: dict[HostSpan, str] = {}
    last: dict[str, str] = {}
    for span in sorted((span for span in trace.spans if _is_node(span)), key=lambda span: span.start_ns):
        if span.name.endswith(_ACCUMULATE):
            found[span] = last.get(span.thread, "")
        else:
            found[span] = last[span.thread] = of_number.get(span.sequence, "")
    return found


def _places_by_number(trace: RecordedTrace, place_of: PlaceOf) -> dict[int, str]:
    """Autograd's number → the place of the call that made the node: that of the last operation with the number.

    Operations without a place count as well: those before them with their number made no node. Each thread has its own
    numbers.
    """
    begun: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, span in enumerate(trace.spans):
        if span.type == "operation" and span.sequence >= 0 and not _is_node(span):
            begun[span.thread].append((span.start_ns, number))
    around = _around(trace, begun)
    places: dict[int, str] = {}
    for found in begun.values():
        last = {trace.spans[number].sequence: place_of(around[number]) for _, number in sorted(found)}
        places |= {sequence: place for sequence, place in last.items() if place}
    return places


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
