"""Unlike machines are never one sweep."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.ceiling import Ceiling
from anatomy.bench.cluster.errors import ClusterError
from anatomy.bench.cluster.kind import Hello, common_kind, differing
from anatomy.bench.environment import Environment


def hello(host: str, ceilings: int = 0, usable: int = 10, **changes: Any) -> Hello:
    values: dict[str, Any] = {
        "os": "Linux",
        "python": "3.11.9",
        "cpu": "Imaginary CPU",
        "logical_cores": 4,
        "usable_cores": 4,
        "memory_bytes": 2**33,
    }
    return Hello(
        version="1",
        environment=Environment(host=host, **(values | changes)),
        ceilings=[Ceiling(backend="jax", device="cpu", measured_at="2026-01-01T00:00:00Z")] * ceilings,
        usable_memory_bytes=usable,
    )


def test_equal_machines_are_one_kind_with_the_ceilings_that_are_known_and_the_least_memory() -> None:
    kind = common_kind({"1": hello("a", usable=7), "2": hello("b", ceilings=1, usable=9)})
    assert (kind.environment.host, len(kind.ceilings), kind.usable_memory_bytes) == ("b", 1, 7)


def test_unlike_machines_are_refused_with_what_differs_and_the_remedy() -> None:
    with pytest.raises(ClusterError, match=r"2 kinds.*a, c.*b.*gpus \(\[\] / \['A100'\]\).*--machine-type"):
        common_kind({"1": hello("c"), "2": hello("b", gpus=["A100"]), "3": hello("a")})


def test_a_resumed_run_keeps_its_kind() -> None:
    nodes = {"1": hello("a"), "2": hello("b", gpus=["A100"])}
    wanted = nodes["2"].environment.fingerprint
    assert common_kind(nodes, wanted).environment.host == "b"
    with pytest.raises(ClusterError, match="would not compare"):
        common_kind({"1": nodes["1"]}, wanted)


def test_names_of_hosts_make_no_difference() -> None:
    assert differing([hello("a").environment, hello("b").environment]) == ""
