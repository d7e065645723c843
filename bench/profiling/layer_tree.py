"""The layers of a profile as a tree: the path of a layer in a nested model, split at `/`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anatomy.bench.records.case_profile import Kind, LayerTime


@dataclass(frozen=True)
class LayerNode:
    """A layer, a model within the model, or both; every figure is the sum over what is below.

    Attributes:
        name: last part of the path.
        path: from the model down, `encoder/block/conv`.
        own: rows of the profile with exactly this path.
        children: longest first.
    """

    name: str
    path: str
    own: tuple[LayerTime, ...]
    children: tuple[LayerNode, ...]

    @property
    def layers(self) -> Iterator[LayerTime]:
        """Every row of the profile in this part of the tree."""
        yield from self.own
        for child in self.children:
            yield from child.layers

    @property
    def time(self) -> float:
        """Seconds of device time per step."""
        return sum(layer.time for layer in self.layers)

    @property
    def share(self) -> float:
        """Of the device time of the step."""
        return sum(layer.share for layer in self.layers)

    @property
    def flops(self) -> int | None:
        """In one step; null where nothing below was counted."""
        counted = [layer.flops for layer in self.layers if layer.flops is not None]
        return sum(counted) if counted else None

    @property
    def flops_share(self) -> float | None:
        """Of the FLOPs of the step; null where nothing below was counted."""
        counted = [layer.flops_share for layer in self.layers if layer.flops_share is not None]
        return sum(counted) if counted else None

    @property
    def flops_per_s(self) -> float | None:
        """Achieved; of one layer as the profile has it, of several their FLOPs over their time."""
        layers = list(self.layers)
        if len(layers) == 1:
            return layers[0].flops_per_s
        flops, time = self.flops, self.time
        return flops / time if flops and time > 0 else None

    @property
    def kinds(self) -> dict[Kind, float]:
        """Seconds of each kind of work, longest first."""
        return kinds_of(list(self.layers))


def layer_tree(layers: Sequence[LayerTime]) -> tuple[LayerNode, ...]:
    """The top of the tree, longest first."""
    return _nodes("", [(tuple(layer.name.split("/")), layer) for layer in layers])


def kinds_of(layers: Sequence[LayerTime]) -> dict[Kind, float]:
    """Seconds of each kind of work in some layers, longest first."""
    found: dict[Kind, float] = {}
    for layer in layers:
        for operation in layer.operations:
            found[operation.kind] = found.get(operation.kind, 0.0) + operation.time
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _nodes(above: str, rows: Sequence[tuple[tuple[str, ...], LayerTime]]) -> tuple[LayerNode, ...]:
    """One node for each first part of the paths."""
    by_name: dict[str, list[tuple[tuple[str, ...], LayerTime]]] = {}
    for (name, *rest), layer in rows:
        by_name.setdefault(name, []).append((tuple(rest), layer))
    nodes = [
        LayerNode(
            name,
            above + name,
            own=tuple(layer for rest, layer in below if not rest),
            children=_nodes(f"{above}{name}/", [(rest, layer) for rest, layer in below if rest]),
        )
        for name, below in by_name.items()
    ]
    return tuple(sorted(nodes, key=lambda node: -node.time))
