"""The parts of a step as a tree that adds up: gaps → layers → kinds of work → operations.

The value of a part is the sum of its children, to the last bit. Time that the profile does not divide further is one
more child: nothing is lost, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from anatomy.bench.profiling.layer_tree import LayerNode, layer_tree
from anatomy.bench.records.case_profile import Gaps, Operation, Profile
from anatomy.reports.profiles.colours import UNATTRIBUTED, WHOLE

# Differences below this share are rounding, not time.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Node:
    """One part of a step.

    Attributes:
        name: name as shown.
        colour: the kind of work or gap whose colour it has.
        seconds: seconds per step; the sum of the children where there are any.
        note: further text for its tooltip.
        children: the parts of this part.
    """

    name: str
    colour: str
    seconds: float
    note: str = ""
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """Yield this part and all parts below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def step_tree(profile: Profile, smallest: float = 0.0) -> Node:
    """Divide the step of a measured profile into its parts.

    Args:
        profile: a profile with the outcome `ok`.
        smallest: share of the step below which several parts are drawn as one.
    """
    gaps = profile.gaps or Gaps(
        input_wait=0, host_dispatch=0, device_compute=profile.device_time, communication=0, idle=0, step=0
    )
    # The profile shares an instant between all operations that run in it, so layers hold both.
    device = "device compute and communication" if gaps.communication > 0 else "device compute"
    parts = [
        Node("input wait", "input wait", gaps.input_wait),
        Node("host dispatch", "host dispatch", gaps.host_dispatch),
        _whole(device, WHOLE, _device_parts(profile), gaps.device_compute + gaps.communication, "no operation named"),
        Node("idle", "idle", gaps.idle),
    ]
    step = _whole("step", WHOLE, parts, gaps.step, "not in the trace", "not in the trace")
    return _fold(step, smallest * step.seconds)


def _device_parts(profile: Profile) -> list[Node]:
    layers = [_layer(node) for node in layer_tree(profile.layers)]
    unattributed = _kinds(profile.unattributed)
    return [*layers, _whole(UNATTRIBUTED, UNATTRIBUTED, unattributed)]


def _layer(layer: LayerNode) -> Node:
    """A layer or nested model: the models and layers inside it, then its own work."""
    rows = layer.own
    own = _kinds([operation for row in rows for operation in row.operations])
    main = next(iter(layer.kinds), WHOLE)
    nested = [_layer(child) for child in layer.children]
    time = sum(row.time for row in rows) + sum(child.seconds for child in nested)
    note = ", ".join(row.type for row in rows if row.type)
    return _whole(layer.name, main, [*nested, *own], time, "no operation named", note=note)


def _kinds(operations: Sequence[Operation]) -> list[Node]:
    kinds = dict.fromkeys(operation.kind for operation in operations)
    found = [_whole(kind, kind, _named([one for one in operations if one.kind == kind])) for kind in kinds]
    return _longest_first(found)


def _named(operations: Sequence[Operation]) -> list[Node]:
    """Operations as nodes; the name says the pass where an operation runs in several."""
    passes: dict[str, set[str]] = {}
    for one in operations:
        passes.setdefault(one.name, set()).add(one.pass_)
    return [_operation(one, f", {one.pass_}" if len(passes[one.name]) > 1 else "") for one in operations]


def _operation(operation: Operation, which: str) -> Node:
    fused = f", {operation.fused:g} fused" if operation.fused is not None and operation.fused != 1 else ""
    note = f"{operation.pass_}, {operation.calls:g} {'call' if operation.calls == 1 else 'calls'} a step{fused}"
    return Node(operation.name + which, operation.kind, operation.time, note)


def _whole(
    name: str,
    colour: str,
    parts: Iterable[Node],
    seconds: float = 0.0,
    rest: str = "",
    rest_colour: str = "",
    note: str = "",
) -> Node:
    """A part of at least `seconds`; where its children take less, `rest` is one more child."""
    children = _longest_first(part for part in parts if part.seconds > 0)
    missing = seconds - _sum(children)
    if children and missing > _ROUNDING * seconds:
        children = _longest_first([*children, Node(rest, rest_colour or colour, missing)])
    return Node(name, colour, _sum(children) if children else seconds, note, tuple(children))


def _fold(node: Node, smallest: float) -> Node:
    """Replace children that are too small to be seen by one, where there are two or more of them."""
    small = [child for child in node.children if child.seconds < smallest]
    kept = [_fold(child, smallest) for child in node.children if child.seconds >= smallest]
    if len(small) == 1:
        kept.append(_fold(small[0], smallest))
    elif small:
        kept.append(_together(small))
    return Node(node.name, node.colour, _sum(kept) if kept else node.seconds, node.note, tuple(kept))


def _together(small: Sequence[Node]) -> Node:
    """Several parts as one, divided by kind of work."""
    name = f"{len(small):,} smaller parts"
    times: dict[str, float] = {}
    for leaf in (leaf for part in small for leaf in part.walk() if not leaf.children):
        times[leaf.colour] = times.get(leaf.colour, 0.0) + leaf.seconds
    longest = max(times, key=lambda colour: times[colour])
    if len(times) == 1:
        return Node(name, longest, _sum(small))
    return _whole(name, longest, [Node(colour, colour, seconds) for colour, seconds in times.items()])


def _longest_first(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: -node.seconds)


def _sum(nodes: Sequence[Node]) -> float:
    """Add from left to right, as the browser does: `sum` compensates for rounding from Python 3.12 on."""
    total = 0.0
    for node in nodes:
        total += node.seconds
    return total
