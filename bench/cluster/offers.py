"""What a cluster's nodes offer, as Ray says it, and which of them a sweep can use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anatomy.bench.cluster.errors import ClusterError

# A node's type is a custom resource (any Ray) or a label (Ray from 2.47), or the accelerator that Ray itself has found.
TYPE_RESOURCE = "anatomy-type-"
TYPE_LABEL = "anatomy-type"
_RAY_TYPE_RESOURCE = "accelerator_type:"
_RAY_TYPE_LABEL = "ray.io/accelerator-type"

_GIBI = 2**30


@dataclass(frozen=True)
class Offer:
    """One living node.

    Attributes:
        node: Ray's id of it.
        name: its host name, or else its address.
        cpus: that it lends to Ray, in all.
        gpus: likewise.
        memory_bytes: likewise (`ray start --memory`).
        types: names of its machine type.
    """

    node: str
    name: str
    cpus: float
    gpus: float
    memory_bytes: int
    types: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """For messages."""
        types = f", type {' '.join(sorted(self.types))}" if self.types else ""
        return f"{self.name} ({self.cpus:g} CPUs, {self.gpus:g} GPUs, {self.memory_bytes / _GIBI:.1f} GiB{types})"


def living(table: Iterable[Mapping[str, Any]]) -> list[Offer]:
    """The living nodes of `ray.nodes()`, in the order of their names.

    Source: https://docs.ray.io/en/latest/ray-core/api/doc/ray.nodes.html.
    """
    offers = [_offer(node) for node in table if node["Alive"]]
    return sorted(offers, key=lambda offer: (offer.name, offer.node))


def _offer(node: Mapping[str, Any]) -> Offer:
    resources: Mapping[str, float] = node.get("Resources") or {}
    labels: Mapping[str, str] = node.get("Labels") or {}
    prefixes = (TYPE_RESOURCE, _RAY_TYPE_RESOURCE)
    named = {name.removeprefix(prefix) for name in resources for prefix in prefixes if name.startswith(prefix)}
    labelled = {labels[key] for key in (TYPE_LABEL, _RAY_TYPE_LABEL) if labels.get(key)}
    return Offer(
        node=node["NodeID"],
        name=node.get("NodeManagerHostname") or node["NodeManagerAddress"],
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        memory_bytes=int(resources.get("memory", 0)),
        types=frozenset(named | labelled),
    )


@dataclass(frozen=True)
class Demand:
    """What a sweep asks of every node.

    Attributes:
        machine_type: one of the node's types; null for any.
        memory_bytes: that a worker may use, and the node must lend; null for what the node has.
        gpus: whether it must have a GPU.
    """

    machine_type: str | None = None
    memory_bytes: int | None = None
    gpus: bool = False

    def settled(self, offers: Sequence[Offer]) -> Demand:
        """With GPUs, where one of the nodes that will do otherwise has some: then those without are not used.

        Raises:
            ClusterError: no node will do.
        """
        found = self.met_by(offers)
        if not found:
            has = "; ".join(map(str, offers)) or "no living node"
            raise ClusterError(
                f"no node of the cluster has {self}; it has {has}. Start nodes with `ray start`, a type by"
                f" --resources='{{\"{TYPE_RESOURCE}LABEL\": 1}}', memory by --memory"
            )
        return replace(self, gpus=any(offer.gpus for offer in found))

    def met_by(self, offers: Iterable[Offer]) -> list[Offer]:
        """Those that will do."""
        return [offer for offer in offers if self._met(offer)]

    def __str__(self) -> str:
        """For messages."""
        memory = f"{self.memory_bytes / _GIBI:.1f} GiB of memory" if self.memory_bytes else ""
        machine = f"the machine type {self.machine_type}" if self.machine_type else ""
        return ", ".join(filter(None, ("a CPU", "a GPU" if self.gpus else "", memory, machine)))

    def _met(self, offer: Offer) -> bool:
        return (
            offer.cpus >= 1
            and (self.machine_type is None or self.machine_type in offer.types)
            and (self.memory_bytes is None or offer.memory_bytes >= self.memory_bytes)
            and (not self.gpus or offer.gpus >= 1)
        )
