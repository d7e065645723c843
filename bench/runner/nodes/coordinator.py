"""The coordinator on node 0: lets every other node start its worker of a case, and hears how it ended."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.collect_environment import installed_versions
from anatomy.bench.parallel.codec import decode, encode
from anatomy.bench.parallel.ranks import RANK_0_ENDED
from anatomy.bench.parallel.rendezvous import Rendezvous, free_port
from anatomy.bench.parallel.transport import NoConnectionError, Server, own_host, peer_host
from anatomy.bench.runner.nodes.launcher import Place
from anatomy.bench.runner.requests import MeasureCase, TakeReferenceSteps, joining

JOIN_TIMEOUT_S = 300.0
BYE = "bye"
# A worker whose peer has failed says so itself; else it is ended after this.
_GRACE_S = 5.0
# Its own ends within seconds of rank 0's.
_END_TIMEOUT_S = 60.0


@dataclass
class _Member:
    node: int
    connection: Connection
    name: str
    port: int
    running: bool = False
    failure: str = ""
    failed_at_s: float = 0.0
    lost: bool = False

    @property
    def title(self) -> str:
        return f"node {self.node} ({self.name})"


@dataclass
class Coordinator:
    """The other nodes of a run, as node 0 sees them. Use as a context manager."""

    count: int
    secret: str
    own_address: str
    _members: list[_Member] = field(default_factory=list)

    @classmethod
    def gather(cls, place: Place, packages: Mapping[str, str], timeout_s: float = JOIN_TIMEOUT_S) -> Coordinator:
        """Wait for a process from each other node.

        Args:
            packages: installed here; the other nodes must have the same.

        Raises:
            UsageError: one did not come, or has other versions.
        """
        members: dict[int, _Member] = {}
        try:
            with Server(_listening_address(place.address), place.port, place.secret) as server:
                while len(members) < place.count - 1:
                    connection, said = server.accept(timeout_s)
                    members[int(said["rank"])] = _Member(
                        int(said["rank"]), connection, str(said["name"]), int(said["port"])
                    )
                    _require_equal(members[int(said["rank"])].title, said["packages"], packages)
        except OSError as error:
            missing = sorted(set(range(1, place.count)) - set(members))
            what = "did not come" if isinstance(error, NoConnectionError) else f"are awaited on {place.address}"
            raise UsageError(
                f"the processes of rank {', '.join(map(str, missing))} {what}: {error}; start `anatomy run --nodes` on"
                f" each node with the same launcher, and see that port {place.port} is free and open"
            ) from error
        ordered = [members[rank] for rank in sorted(members)]
        own = own_host(ordered[0].connection) if ordered else place.address
        return cls(place.count, place.secret, own, ordered)

    def __enter__(self) -> Coordinator:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            if not member.lost:
                self._send(member, BYE)
            member.connection.close()

    def missing(self) -> str | None:
        """Which node is lost, so that no case on several nodes can start; null while all are there."""
        self._listen()
        return next((f"{member.title} is lost" for member in self._members if member.lost), None)

    def start(self, request: MeasureCase | TakeReferenceSteps) -> Rendezvous:
        """Let every other node start its worker; returns where node 0's worker meets them."""
        hosts = (self.own_address, *(peer_host(member.connection) for member in self._members))
        rendezvous = Rendezvous(
            node=0,
            hosts=hosts,
            control_port=free_port(self.own_address),
            framework_port=free_port(self.own_address),
            ports=(free_port(self.own_address), *(member.port for member in self._members)),
            secret=self.secret,
        )
        for member in self._members:
            member.running, member.failure = True, ""
            # Each node knows the secret from its launcher.
            own = rendezvous.model_copy(update={"node": member.node, "secret": ""})
            self._send(member, joining(request, own).model_dump(mode="json"))
        return rendezvous

    def trouble(self) -> str | None:
        """Why the case cannot go on, where node 0's worker has had time to see it itself and has not."""
        self._listen()
        for member in self._members:
            if member.failure and time.monotonic() - member.failed_at_s > _GRACE_S:
                return f"{member.title}: {member.failure}"
        return None

    def finish(self) -> list[str]:
        """Wait until every node's worker has ended; what went wrong there first."""
        deadline = time.monotonic() + _END_TIMEOUT_S
        while any(member.running for member in self._members):
            for member in self._members:
                if member.running:
                    member.connection.poll(0.1)
            self._listen()
            if time.monotonic() > deadline:
                for member in self._members:
                    if member.running:
                        self._lose(member, f"its worker has not ended within {_END_TIMEOUT_S:.0f} s")
        return [f"{member.title}: {member.failure}" for member in self._members if member.failure]

    def _listen(self) -> None:
        """Take in what the other nodes have said."""
        for member in self._members:
            try:
                while not member.lost and member.connection.poll(0):
                    self._hear(member, decode(member.connection.recv_bytes()))
            except (EOFError, OSError):
                self._lose(member, "its process has ended or cannot be reached")

    def _hear(self, member: _Member, said: Mapping[str, Any]) -> None:
        member.running, member.port = False, int(said["port"])
        # One that ended since node 0's did has nothing to add.
        if said["outcome"] != "ok" and said["reason"] != RANK_0_ENDED:
            member.failure, member.failed_at_s = str(said["reason"]), time.monotonic()

    def _send(self, member: _Member, message: Any) -> None:
        try:
            member.connection.send_bytes(encode(message))
        except OSError:
            self._lose(member, "its process has ended or cannot be reached")

    def _lose(self, member: _Member, why: str) -> None:
        member.lost, member.running = True, False
        member.failure, member.failed_at_s = why, time.monotonic()


def join_nodes(place: Place | None) -> AbstractContextManager[Coordinator | None]:
    """The other nodes, all there; `None` where this process measures alone."""
    return nullcontext() if place is None else Coordinator.gather(place, installed_versions())


def _require_equal(title: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    if differing:
        pairs = ", ".join(f"{name} {found.get(name, 'none')} (here {wanted.get(name, 'none')})" for name in differing)
        raise UsageError(f"{title} has {pairs}; install the same versions on every node")


def _listening_address(address: str) -> str:
    """The loopback where that is meant; else all, since a node's name may mean its loopback on the node itself."""
    try:
        return address if ipaddress.ip_address(address).is_loopback else ""
    except ValueError:
        return ""
