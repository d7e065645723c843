"""Nodes whose figures compare are of one environment."""

from __future__ import annotations

from collections.abc import Mapping

from anatomy.bench.cluster.placement import Node
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.records.environment import Environment

_FREE = ("host", "commit", "dirty", "memory_limit_bytes")


def the_one(described: Mapping[Node, Environment]) -> Environment:
    """The environment that all these nodes have.

    Raises:
        SetupError: they are unlike; it names what differs.
    """
    first, *others = described.values()
    unlike = next((other for other in others if other.fingerprint != first.fingerprint), None)
    if unlike is None:
        return first
    differing = [
        f"{name}: {getattr(first, name)} on {first.host}, {getattr(unlike, name)} on {unlike.host}"
        for name in Environment.model_fields
        if name not in _FREE and getattr(first, name) != getattr(unlike, name)
    ]
    raise SetupError(
        f"nodes are unlike, so that their figures do not compare ({'; '.join(differing)[:600]}); label the nodes"
        " of each kind (`ray start --labels machine-type=NAME`) and give --machine-type, which makes a run of each"
    )
