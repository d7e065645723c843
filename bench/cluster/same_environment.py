"""Require that all nodes of a run have one environment: only then do their figures compare."""

from __future__ import annotations

from collections.abc import Mapping

from anatomy.bench.cluster.placement import Node
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.records.environment import Environment

_FREE = ("host", "commit", "dirty", "memory_limit_bytes")


def same_environment(described: Mapping[Node, Environment]) -> Environment:
    """The environment that all these nodes have, apart from host, commit and memory limit.

    Raises:
        SetupError: they differ; the message says in what.
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
