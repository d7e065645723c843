"""Which nodes will do, from the tables that Ray gives."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.cluster.errors import ClusterError
from anatomy.bench.cluster.offers import Demand, Offer, living

GIBI = 2**30


def node(name: str, alive: bool = True, labels: dict[str, str] | None = None, **resources: float) -> dict[str, Any]:
    return {
        "NodeID": f"id-{name}",
        "Alive": alive,
        "NodeManagerHostname": name,
        "NodeManagerAddress": "10.0.0.1",
        "Resources": {"CPU": 8.0, "memory": 16.0 * GIBI, **resources},
        "Labels": labels or {},
    }


CPU, GPU = node("plain"), node("fast", GPU=4.0, **{"accelerator_type:A100": 1.0})


def names(offers: list[Offer]) -> list[str]:
    return [offer.name for offer in offers]


def test_the_dead_offer_nothing() -> None:
    assert names(living([GPU, CPU, node("late", alive=False)])) == ["fast", "plain"]


@pytest.mark.parametrize(
    "table",
    [
        node("a", **{"anatomy-type-h100": 1.0}),
        node("a", labels={"anatomy-type": "h100"}),
        node("a", **{"accelerator_type:h100": 1.0}),
        node("a", labels={"ray.io/accelerator-type": "h100"}),
    ],
)
def test_a_type_is_a_resource_or_a_label_or_what_ray_has_found(table: dict[str, Any]) -> None:
    assert names(Demand("h100").met_by(living([table, CPU]))) == ["a"]


def test_where_there_are_gpus_nodes_without_are_not_used() -> None:
    offers = living([CPU, GPU])
    assert names(Demand().settled(offers).met_by(offers)) == ["fast"]
    assert names(Demand().settled(living([CPU])).met_by(offers)) == ["fast", "plain"]


def test_a_head_that_lends_no_cpu_is_not_used() -> None:
    assert names(Demand().met_by(living([node("head", CPU=0.0), CPU]))) == ["plain"]


def test_the_memory_limit_must_be_lent() -> None:
    small = node("small", memory=2.0 * GIBI)
    assert names(Demand(memory_bytes=4 * GIBI).met_by(living([small, CPU]))) == ["plain"]


def test_what_is_wanted_and_what_is_there_is_said() -> None:
    with pytest.raises(ClusterError, match=r"4\.0 GiB of memory, the machine type b200; it has fast \(8 CPUs, 4 GPUs"):
        Demand("b200", 4 * GIBI).settled(living([GPU]))
    with pytest.raises(ClusterError, match="no living node"):
        Demand().settled([])
