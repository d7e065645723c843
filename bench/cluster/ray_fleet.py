"""A Ray cluster's nodes: all that speaks to Ray.

Every node that will do gets one agent, which claims all CPUs and GPUs that the node lends: two cases never share a
node, be they of one sweep or of two, nor a case and other work under Ray.
Sources: https://docs.ray.io/en/latest/ray-core/actors.html, …/scheduling/index.html, …/handling-dependencies.html.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anatomy.bench.case import Case
from anatomy.bench.cluster.agent import NICENESS, NodeAgent
from anatomy.bench.cluster.errors import ClusterError
from anatomy.bench.cluster.fleet import Event, LeftOut, Lost, Measured
from anatomy.bench.cluster.kind import Hello, common_kind, differing
from anatomy.bench.cluster.offers import Demand, Offer, living
from anatomy.bench.record import Record
from anatomy.bench.settings import MeasureSettings

# A worker's first start on a slow disk, and the claim on a node that others use, take their time.
JOIN_TIMEOUT_S = 300.0
_CLOSE_S = 15.0
_LOOK_S = 1.0
_CONNECT_TRIES = 4
_LONGEST = 400
# Never shipped; what .gitignore names is not either.
_NOT_SHIPPED = ["anatomy-runs/", ".git/", ".venv/", ".tox/"]


@dataclass
class _Member:
    """An agent. `answer` is what is awaited of it; null while it is idle."""

    offer: Offer
    actor: Any
    answer: Any
    hello: Hello | None = None
    began_s: float = field(default_factory=time.monotonic)


@contextmanager
def connected(address: str, directory: Path | None) -> Iterator[Any]:
    """Ray, connected to the cluster at `address`: `ray://HOST:PORT`, `HOST:PORT` or `auto`.

    Args:
        directory: the working directory to copy to the nodes; null where they need none.

    Raises:
        ClusterError: no Ray here, no cluster there, or another version of Ray or Python.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ClusterError("--cluster needs Ray; pip install 'keras-anatomy[cluster]'") from error
    runtime_env: dict[str, Any] = {"env_vars": {NICENESS: "0"}}
    if directory is not None:
        runtime_env |= {"working_dir": str(directory), "excludes": _NOT_SHIPPED}
    try:
        _reach(ray, address, runtime_env)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"--cluster {address}: {error}\nexpected ray://HOST:10001, HOST:6379 from a node of the cluster, or auto,"
            f" and the same Ray ({ray.__version__} here) and Python on all"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _reach(ray: Any, address: str, runtime_env: dict[str, Any]) -> None:
    """Connect. The head starts a server for each client, which dies at its start now and then (seen with Ray 2.60)."""
    for tries_left in reversed(range(_CONNECT_TRIES)):
        try:
            ray.init(address=address, runtime_env=runtime_env, log_to_driver=False, logging_level="error")
        except ConnectionAbortedError:
            if not tries_left:
                raise
        else:
            return


class RayFleet:
    """The nodes that meet `demand`, those that come later included. Use as a context manager.

    Args:
        ray: the connected module.
        version: of keras-anatomy, the same on every node.
        shipped: whether the driver's working directory is copied there.
    """

    def __init__(self, ray: Any, demand: Demand, version: str, shipped: bool) -> None:
        self._ray, self._demand, self._version, self._shipped = ray, demand, version, shipped
        self._kind: Hello | None = None
        self._members: dict[str, _Member] = {}
        self._left_out: set[str] = set()
        self._looked_s = 0.0

    def __enter__(self) -> RayFleet:
        return self

    def __exit__(self, *_: object) -> None:
        idle = [member for member in self._members.values() if member.answer is None]
        with suppress(self._ray.exceptions.RayError, ConnectionError):
            closing = [member.actor.close.remote() for member in idle]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
        for node in list(self._members):
            self._dismiss(node)

    def gather(self, wanted: str | None = None, timeout_s: float = JOIN_TIMEOUT_S) -> tuple[Hello, list[LeftOut]]:
        """Wait until every node that will do has joined, or said why not.

        Args:
            wanted: fingerprint of a run that is resumed.

        Returns:
            The kind of machine that the sweep is measured on, and the nodes that are not used.

        Raises:
            ClusterError: no node will do, none has joined, or they are of several kinds.
        """
        self._demand = self._demand.settled(living(self._ray.nodes()))
        left_out: list[LeftOut] = []
        deadline = time.monotonic() + timeout_s
        self._look_around()
        while any(member.hello is None for member in self._members.values()) and time.monotonic() < deadline:
            left_out += [event for event in self.wait(_LOOK_S) if isinstance(event, LeftOut)]
        hellos = {node: member.hello for node, member in self._members.items() if member.hello is not None}
        if not hellos:
            busy = [f"{member.offer}: busy, or its worker does not start" for member in self._members.values()]
            why = [*(f"{event.host}: {event.why}" for event in left_out), *busy]
            raise ClusterError(f"no node has joined within {timeout_s:.0f} s: {'; '.join(why) or 'all were lost'}")
        self._kind = common_kind(hellos, wanted)
        others = {node: self._why_left_out(hello) for node, hello in hellos.items()}
        return self._kind, [*left_out, *(self._leave_out(node, why) for node, why in others.items() if why)]

    @property
    def joined(self) -> int:
        """How many nodes measure or could."""
        return sum(member.hello is not None for member in self._members.values())

    def idle(self) -> Sequence[str]:
        """Nodes that could take a case."""
        return [node for node, m in self._members.items() if m.hello is not None and m.answer is None]

    def begin(self, node: str, case: Case, repeat: int, settings: MeasureSettings) -> None:
        """Let a node measure."""
        member = self._members[node]
        member.began_s = time.monotonic()
        with _spoken():
            member.answer = member.actor.measure.remote(case.model_dump_json(), repeat, settings.model_dump_json())

    def wait(self, timeout_s: float) -> list[Event]:
        """What has happened; see `Fleet`."""
        with _spoken():
            events: list[Event] = self._look_around()
            awaited = {member.answer: node for node, member in self._members.items() if member.answer is not None}
            if not awaited:
                time.sleep(0 if events else timeout_s)
                return events
            ready, _ = self._ray.wait(list(awaited), num_returns=1, timeout=0 if events else timeout_s)
            heard = [self._heard(awaited[answer]) for answer in ready]
        return [*events, *(event for event in heard if event is not None)]

    def _look_around(self) -> list[Event]:
        """Nodes that have died, and agents for those that have come."""
        if time.monotonic() - self._looked_s < _LOOK_S:
            return []
        self._looked_s = time.monotonic()
        offers = {offer.node: offer for offer in living(self._ray.nodes())}
        dead = [node for node in self._members if node not in offers]
        events: list[Event] = [self._lost(node, "the node is dead", gone=True) for node in dead]
        for offer in self._demand.met_by(offers.values()):
            if offer.node not in self._members and offer.node not in self._left_out:
                self._open(offer)
        return events

    def _open(self, offer: Offer) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = (
            self._ray.remote(NodeAgent)
            .options(
                num_cpus=offer.cpus,
                num_gpus=offer.gpus,
                memory=self._demand.memory_bytes,
                scheduling_strategy=NodeAffinitySchedulingStrategy(offer.node, soft=False),
                max_restarts=0,
                max_task_retries=0,
            )
            .remote(offer.gpus, self._shipped)
        )
        self._members[offer.node] = _Member(offer, actor, actor.hello.remote())

    def _heard(self, node: str) -> Event | None:
        """What a node has answered."""
        member = self._members[node]
        try:
            answer = self._ray.get(member.answer)
        except self._ray.exceptions.RayError as error:
            gone = node not in {offer.node for offer in living(self._ray.nodes())}
            if gone or member.hello is not None:
                return self._lost(node, _in_a_line(error), gone)
            remedy = f"; install keras-anatomy {self._version} there" if "No module named" in str(error) else ""
            return self._leave_out(node, _in_a_line(error) + remedy)
        member.answer = None
        if member.hello is not None:
            record, parcel = answer
            return Measured(node, member.offer.name, Record.model_validate_json(record), parcel)
        hello = Hello.model_validate_json(answer)
        why = self._why_left_out(hello)
        if why:
            return self._leave_out(node, why)
        member.hello = hello
        return None

    def _why_left_out(self, hello: Hello) -> str:
        if hello.version != self._version:
            return f"it has keras-anatomy {hello.version}, here is {self._version}; install the same on every node"
        kind = self._kind.environment if self._kind is not None else hello.environment
        if hello.environment.fingerprint != kind.fingerprint:
            return f"it is of another kind than the sweep's machines: {differing([kind, hello.environment])}"
        return hello.trouble

    def _leave_out(self, node: str, why: str) -> LeftOut:
        self._left_out.add(node)
        return LeftOut(node, self._dismiss(node).offer.name, why)

    def _lost(self, node: str, why: str, gone: bool) -> Lost:
        """A node's agent is no more. If its node lives, it gets another."""
        member = self._dismiss(node)
        measuring = member.hello is not None and member.answer is not None
        after = f", {time.monotonic() - member.began_s:.0f} s into the case" if measuring else ""
        return Lost(node, member.offer.name, f"{why}{after}", gone)

    def _dismiss(self, node: str) -> _Member:
        """Kill the agent, and with it whatever it still measures."""
        member = self._members.pop(node)
        with suppress(self._ray.exceptions.RayError, ConnectionError):
            self._ray.kill(member.actor, no_restart=True)
        return member


@contextmanager
def _spoken() -> Iterator[None]:
    """Ray's client says in several words that its server is gone."""
    try:
        yield
    except ConnectionError as error:
        raise ClusterError(f"the connection to the cluster is lost: {error}") from error


def _in_a_line(error: BaseException) -> str:
    """The words that say most: of an error raised on the node its last line, of Ray's own what is not a detail."""
    lines = str(error).strip().splitlines()
    raised = any("ray::" in line for line in lines)
    said = lines[-1:] if raised else [line for line in lines if not line.startswith("\t")]
    return f"{type(error).__name__}: {' '.join(said)}"[:_LONGEST]
