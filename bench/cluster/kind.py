"""A sweep is measured on machines of one kind: the nodes must have one fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from anatomy.bench.ceiling import Ceiling
from anatomy.bench.cluster.errors import ClusterError
from anatomy.bench.environment import FINGERPRINTED, Environment


class Hello(BaseModel):
    """What a node says of itself when it joins.

    Attributes:
        version: of keras-anatomy there.
        environment: the machine and its software, as a run on that machine alone would record it.
        ceilings: what `anatomy doctor` has found it to do at best.
        usable_memory_bytes: a worker's default limit there.
        trouble: why nothing may be measured there, with the remedy; empty when nothing speaks against it.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    environment: Environment
    ceilings: list[Ceiling] = Field(default_factory=list)
    usable_memory_bytes: int
    trouble: str = ""


def common_kind(hellos: Mapping[str, Hello], wanted: str | None = None) -> Hello:
    """The kind of machine that the sweep is measured on: its environment, its ceilings, the least usable memory.

    Args:
        hellos: of each node that has joined.
        wanted: the fingerprint of a run that is resumed.

    Raises:
        ClusterError: they are of several kinds, or none is of the wanted one.
    """
    kinds: dict[str, list[Hello]] = {}
    for hello in hellos.values():
        kinds.setdefault(hello.environment.fingerprint, []).append(hello)
    if wanted is None and len(kinds) > 1:
        raise ClusterError(
            f"the nodes are of {len(kinds)} kinds, whose times do not compare: {_in_words(kinds)}. They differ in"
            f" {differing([kind[0].environment for kind in kinds.values()])}; choose one kind by --machine-type, and"
            " measure the other in a run of its own (`anatomy report` sets runs side by side)"
        )
    if wanted is not None and wanted not in kinds:
        raise ClusterError(
            f"the run to resume was measured on machines of fingerprint {wanted}; the cluster has {_in_words(kinds)}:"
            " its figures would not compare. Start such a node, or a new run"
        )
    chosen = kinds[wanted] if wanted is not None else next(iter(kinds.values()))
    best_known = max(chosen, key=lambda hello: len(hello.ceilings))
    least = min(hello.usable_memory_bytes for hello in chosen)
    return best_known.model_copy(update={"usable_memory_bytes": least})


def differing(environments: Sequence[Environment]) -> str:
    """What makes the fingerprints differ: `gpus ([] / ['NVIDIA A100']), …`."""
    found = []
    for name in FINGERPRINTED:
        values = list(dict.fromkeys(str(getattr(environment, name)) for environment in environments))
        if len(values) > 1:
            found.append(f"{name} ({' / '.join(values)})")
    return ", ".join(found)


def _in_words(kinds: Mapping[str, Sequence[Hello]]) -> str:
    return "; ".join(
        f"{fingerprint}: {', '.join(sorted(hello.environment.host for hello in kind))}"
        for fingerprint, kind in kinds.items()
    )
