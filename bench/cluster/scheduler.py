"""Schedule tasks on the nodes of a cluster: each goes to an idle node that fits; its record is written as it ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from anatomy.bench.cluster.connection import list_nodes, start_agent
from anatomy.bench.cluster.placement import MOST_TRIES, Node, Queue, Task
from anatomy.bench.cluster.same_environment import same_environment
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RunWriter, write_script

_WAIT_S = 1.0
# Interval between two searches for nodes that have joined or come back.
_SEARCH_S = 5.0
# How long tasks wait for a node that can measure them before they are given up.
PATIENCE_S = 60.0
# Time for a node to finish other tasks of Ray, and to import what describes it.
START_TIMEOUT_S = 120.0


class Listener(Protocol):
    """Told about each case as it is measured."""

    def begin(self, case: Case, name: str) -> None:
        """A case has been given to a node."""

    def end(self, record: Record) -> None:
        """The case has its record, which is already on disk."""


@dataclass
class _Worker:
    """An agent on a node.

    Attributes:
        pending: the answer it will give: the record of its task or, without a task, the node's environment. A node is
            admitted once it has given the latter.
    """

    node: Node
    agent: Any
    pending: Any
    task: Task | None = None


@dataclass
class Scheduler:
    """Measures tasks on a cluster.

    Attributes:
        ray: Ray's module, connected.
        settings: how cases are measured.
        say: told a line of news about a node.
        patience_s: how long tasks wait for a node that can measure them.
    """

    ray: Any
    settings: Mapping[str, Any]
    say: Callable[[str], None]
    patience_s: float = PATIENCE_S
    _workers: dict[str, _Worker] = field(default_factory=dict)
    _starts: Counter[str] = field(default_factory=Counter)
    _fingerprints: dict[str, str] = field(default_factory=dict)

    def environments(self, machine_types: Sequence[str]) -> dict[str, Environment]:
        """Start the agents on all nodes of these types, and return the environment of each type.

        Args:
            machine_types: an empty type means all nodes.

        Raises:
            SetupError: there are no such nodes, or they differ, so their figures would not compare.
        """
        nodes = list_nodes(self.ray)
        wanted = {name: [node for node in nodes if name in ("", node.machine_type)] for name in machine_types}
        for name, found in wanted.items():
            if not found:
                types = ", ".join(sorted({node.machine_type or "(none)" for node in nodes})) or "no node"
                raise SetupError(f"no node gives away CPUs for the machine type {name or '(any)'}; there is: {types}")
        for node in {node for found in wanted.values() for node in found}:
            self._start(node)
        described = {worker.node: self._describe(worker) for worker in list(self._workers.values())}
        environments = {}
        for name, found in wanted.items():
            known = {node: environment for node in found if (environment := described[node]) is not None}
            if not known:
                raise SetupError(f"no agent could be started on {', '.join(node.host for node in found)}")
            environments[name] = same_environment(known)
            self._fingerprints[name] = environments[name].fingerprint
        return environments

    def measure_all(self, tasks: Sequence[Task], writers: Sequence[RunWriter], listener: Listener) -> list[Record]:
        """Measure all tasks; each record is on disk before its node gets another task.

        Args:
            writers: one per run; a task names its run by number.

        Raises:
            SetupError: tasks are left and no node can measure them; what was measured is on disk.
        """
        queue = Queue(tasks)
        records: list[Record] = []
        searched_s = busy_s = time.monotonic()
        while queue or self._measuring():
            self._hand_out(queue, listener)
            for worker in self._ended():
                if worker.task is None:
                    self._admit(worker)
                elif (taken := self._take(worker, worker.task, queue)) is not None:
                    records.append(self._keep(*taken, writers))
                    listener.end(records[-1])
            now = time.monotonic()
            if now - searched_s > _SEARCH_S:
                self._start_new_agents()
                searched_s = now
            if self._measuring():
                busy_s = now
            elif now - busy_s > self.patience_s:
                self._give_up(queue)
        return records

    def close(self) -> None:
        """End the agents, and with them what they measure."""
        for worker in self._workers.values():
            self.ray.kill(worker.agent)
        self._workers.clear()

    def _start(self, node: Node) -> None:
        self._starts[node.id] += 1
        agent = start_agent(self.ray, node, self.settings)
        self._workers[node.id] = _Worker(node, agent, agent.describe.remote())

    def _describe(self, worker: _Worker) -> Environment | None:
        """Wait for the environment of a node whose agent was started; `None` if the agent did not start."""
        try:
            found = Environment.model_validate_json(self.ray.get(worker.pending, timeout=START_TIMEOUT_S))
        except (self.ray.exceptions.RayError, TimeoutError) as error:
            self._drop(worker.node, f"no agent could be started: {_ray_message(error)}")
            return None
        worker.pending = None
        return found

    def _hand_out(self, queue: Queue, listener: Listener) -> None:
        for worker in self._workers.values():
            if worker.pending is None and (task := queue.next_for(worker.node)) is not None:
                worker.task = task
                worker.pending = worker.agent.measure_case.remote(task.case.fields(), task.repeat)
                listener.begin(task.case, case_name(task.case))

    def _measuring(self) -> bool:
        return any(worker.task is not None for worker in self._workers.values())

    def _ended(self) -> list[_Worker]:
        """Workers whose pending answer has come or failed; waits a moment for one."""
        pending = [worker.pending for worker in self._workers.values() if worker.pending is not None]
        if not pending:
            time.sleep(_WAIT_S)
            return []
        ready, _ = self.ray.wait(pending, num_returns=1, timeout=_WAIT_S)
        return [worker for worker in list(self._workers.values()) if worker.pending in ready]

    def _take(self, worker: _Worker, task: Task, queue: Queue) -> tuple[Task, Record, Mapping[str, Any]] | None:
        """The ended task, its record, and the agent's answer; `None` if its node was lost and it is tried again."""
        answer: Mapping[str, Any] = {}
        try:
            answer = self.ray.get(worker.pending)
            record = Record.model_validate_json(answer["record"])
        except self.ray.exceptions.RayTaskError as error:
            # The task itself failed, as it would on any other node.
            record = self._crashed(task, _ray_message(error))
        except self.ray.exceptions.RayError as error:
            self._drop(worker.node, f"lost while it measured {case_name(task.case)}: {_ray_message(error)}")
            queue.release_node(worker.node)
            if queue.requeue(task, worker.node.host):
                return None
            record = self._crashed(task, f"its node was lost {len(task.lost)} times: {', '.join(task.lost)}")
        worker.task = worker.pending = None
        return task, record.model_copy(update={"lost_nodes": list(task.lost)}), answer

    def _keep(self, task: Task, record: Record, answer: Mapping[str, Any], writers: Sequence[RunWriter]) -> Record:
        writer = writers[task.run]
        for name, text in answer.get("logs", {}).items():
            (writer.logs / name).write_text(text)
        if answer.get("script"):
            write_script(writer.path, record.key, answer["script"])
        writer.append(record)
        return record

    def _start_new_agents(self) -> None:
        """Start agents on nodes that have joined, or whose agent was lost."""
        for node in list_nodes(self.ray):
            if node.id not in self._workers and self._starts[node.id] < MOST_TRIES and self._fingerprint(node):
                self._start(node)

    def _admit(self, worker: _Worker) -> None:
        """Let a node that has given its environment take part if it is like the others."""
        environment = self._describe(worker)
        if environment is None:
            return
        if environment.fingerprint == self._fingerprint(worker.node):
            self.say(f"{worker.node.host} takes part")
            return
        self._starts[worker.node.id] = MOST_TRIES
        self._drop(worker.node, "it is unlike the nodes that the sweep began with, and is left out")

    def _fingerprint(self, node: Node) -> str | None:
        return self._fingerprints.get(node.machine_type) or self._fingerprints.get("")

    def _drop(self, node: Node, why: str) -> None:
        self.say(f"{node.host}: {why}")
        self.ray.kill(self._workers.pop(node.id).agent)

    def _give_up(self, queue: Queue) -> None:
        left, nodes = queue.take_all(), list_nodes(self.ray)
        first = left[0]
        reasons = (first.unsupported_reason(node) or f"{node.host} does not take part" for node in nodes)
        why = "; ".join(reasons) or "no node is left"
        raise SetupError(f"{len(left)} cases are left that no node can measure, as {case_name(first.case)}: {why}")

    def _crashed(self, task: Task, why: str) -> Record:
        return Record(
            case=task.case,
            name=case_name(task.case),
            outcome="crashed",
            reason=why,
            repeat=task.repeat,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=self._fingerprints[task.machine_type],
        )


def _ray_message(error: BaseException) -> str:
    """The most telling part of an error: the last line of one raised on a node, the main lines of one of Ray's own."""
    lines = str(error).strip().splitlines()
    raised = any("ray::" in line for line in lines)
    said = lines[-1:] if raised else [line for line in lines if not line.startswith("\t")]
    return " ".join(" ".join(said).split())[:300]
