"""Arrange the layers of a profile as a tree, by their paths in the nested model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anatomy.bench.records.case_profile import Kind, LayerTime


@dataclass(frozen=True)
class LayerNode:
    """A layer, a model within the model, or both. Its figures are sums over itself and everything below it.

    Attributes:
        name: last part of the path.
        path: names from the model down, `encoder/block/conv`.
        own: rows of the profile with exactly this path.
        children: longest time first.
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
        """Share of the step's device time."""
        return sum(layer.share for layer in self.layers)

    @property
    def flops(self) -> int | None:
        """FLOPs of one step; `None` if no layer was counted."""
        counted = [layer.flops for layer in self.layers if layer.flops is not None]
        return sum(counted) if counted else None

    @property
    def flops_share(self) -> float | None:
        """Share of the step's FLOPs; `None` if no layer was counted."""
        counted = [layer.flops_share for layer in self.layers if layer.flops_share is not None]
        return sum(counted) if counted else None

    @property
    def flops_per_s(self) -> float | None:
        """Achieved FLOPs/s: as in the profile for a single layer, else FLOPs over time."""
        layers = list(self.layers)
        if len(layers) == 1:
            return layers[0].flops_per_s
        flops, time = self.flops, self.time
        return flops / time if flops and time > 0 else None

    @property
    def kinds(self) -> dict[Kind, float]:
        """Kind of work → seconds per step, longest first."""
        return kinds_of(list(self.layers))


def layer_tree(layers: Sequence[LayerTime]) -> tuple[LayerNode, ...]:
    """The top nodes of the tree, longest time first."""
    return _nodes("", [(tuple(layer.name.split("/")), layer) for layer in layers])


def kinds_of(layers: Sequence[LayerTime]) -> dict[Kind, float]:
    """Kind of work → seconds per step in these layers, longest first."""
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
