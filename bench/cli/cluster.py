"""`anatomy run --cluster`: the sweep's nodes gathered, its run begun, its records as they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from anatomy.bench.case import Case
from anatomy.bench.cli.work import Work
from anatomy.bench.cluster.agent import DISTRIBUTION
from anatomy.bench.cluster.board import Board
from anatomy.bench.cluster.kind import Hello
from anatomy.bench.cluster.offers import Demand
from anatomy.bench.cluster.ray_fleet import RayFleet, connected
from anatomy.bench.cluster.sweep import Sweep, Watcher
from anatomy.bench.environment import Environment, collect
from anatomy.bench.record import Record
from anatomy.bench.store import RunWriter


@dataclass(frozen=True)
class Cluster:
    """The gathered nodes of one sweep.

    Attributes:
        kind: the machine that all of them are.
    """

    kind: Hello
    _fleet: RayFleet

    @property
    def environment(self) -> Environment:
        """Of the run: the nodes' machine, and the commit of the driver's working directory."""
        here = collect()
        return self.kind.environment.model_copy(update={"commit": here.commit, "dirty": here.dirty})

    def records(self, work: Work, writer: RunWriter, watcher: Watcher) -> Iterator[Record]:
        """Each as its case ends, on disk already."""
        fingerprint = self.kind.environment.fingerprint
        return Sweep(Board.of(work.todo), self._fleet, work.settings, writer, watcher, fingerprint).records()


@contextmanager
def gathered(address: str, machine_type: str | None, work: Work, say: Callable[[str], None]) -> Iterator[Cluster]:
    """The nodes of the cluster at `address` that will do; given back at the end.

    Args:
        say: told of each node that is not used.

    Raises:
        ClusterError: no cluster, or no node that will do.
    """
    shipped = any(map(is_users, work.planned))
    # A resumed run's limit may have been its first nodes' own.
    demand = Demand(machine_type, work.settings.memory_limit_bytes if work.run is None else None)
    wanted = work.run.header.environment.fingerprint if work.run is not None else None
    with (
        connected(address, Path.cwd() if shipped else None) as ray,
        RayFleet(ray, demand, metadata.version(DISTRIBUTION), shipped) as fleet,
    ):
        kind, left_out = fleet.gather(wanted)
        for event in left_out:
            say(f"not used: {event.host}: {event.why}")
        yield Cluster(kind, fleet)


def is_users(case: Case) -> bool:
    """Whether a case needs modules of the user: a model or a layout given as `module:function`."""
    return ":" in case.model or ":" in case.layout_map
