"""Decide which case goes to which node, and what happens to a case whose node is lost. Does not use Ray."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from anatomy.bench.records.case import LOOPS, Case

# A case is given up after it has lost this many nodes.
MOST_TRIES = 3
# Fields of a case that differ between the cases that a table compares.
_COMPARED = {
    "key",
    "backend",
    "dtype",
    "jit",
    "feed",
    "source",
    "workers",
    "steps_per_execution",
    "devices",
    "nodes",
    "model_parallel",
    "layout_map",
}


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, as Ray describes it.

    Attributes:
        id: Ray's id; a node that comes back has a new one.
        cpus, gpus, memory_bytes: what the node lends to Ray.
        machine_type: the node's label `machine-type`, else Ray's `ray.io/accelerator-type`, else empty.
    """

    id: str
    host: str
    cpus: float
    gpus: float
    memory_bytes: float
    machine_type: str = ""


@dataclass
class Task:
    """A case to be measured once.

    Attributes:
        run: number of the run that its record belongs to.
        machine_type: type of the nodes that may measure it; empty for all.
        memory_bytes: memory that its worker needs; 0 if not given.
        lost: hosts that were lost while they measured it.
    """

    run: int
    case: Case
    repeat: int
    machine_type: str = ""
    memory_bytes: float = 0.0
    lost: list[str] = field(default_factory=list)

    def unsupported_reason(self, node: Node) -> str | None:
        """Why this node cannot measure the task; `None` if it can. A node without GPUs measures on its CPU."""
        if self.machine_type and node.machine_type != self.machine_type:
            return f"{node.host} is of the type {node.machine_type or '(none)'}, not {self.machine_type}"
        if node.gpus and self.case.devices > node.gpus:
            return f"{node.host} has {node.gpus:g} GPUs, and {self.case.devices} are needed"
        if self.memory_bytes > node.memory_bytes:
            has, needs = node.memory_bytes / 2**30, self.memory_bytes / 2**30
            return f"{node.host} has {has:.1f} GiB, and {needs:.1f} are needed"
        return None


class Queue:
    """The tasks that wait, in order. An idle node gets the first task that it can measure.

    Even machines of one type differ by some per cent. Cases that are compared with one another (backends, dtypes, jit,
    numbers of devices, a step and the loop around it, the processes of a case) therefore stay on one node while it
    lives.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting = deque(tasks)
        self._owners: dict[str, Node] = {}
        # On several devices the whole batch grows with their number, so cases that are compared differ in it.
        spans = any(task.case.devices > 1 for task in self._waiting)
        self._left_out = _COMPARED | ({"batch_size"} if spans else set())

    def __len__(self) -> int:
        return len(self._waiting)

    def next_for(self, node: Node) -> Task | None:
        """Take the first task that this node can measure and no other node has claimed; `None` if there is none."""
        for task in self._waiting:
            group = self._compared_group(task)
            owner = self._owners.get(group, node)
            if not task.unsupported_reason(node) and (owner == node or task.unsupported_reason(owner)):
                self._owners.setdefault(group, node)
                self._waiting.remove(task)
                return task
        return None

    def requeue(self, task: Task, host: str) -> bool:
        """Put a task whose node was lost first again; return `False` to give it up after `MOST_TRIES`."""
        task.lost.append(host)
        if len(task.lost) >= MOST_TRIES:
            return False
        self._waiting.appendleft(task)
        return True

    def release_node(self, node: Node) -> None:
        """Let any node take the tasks that a lost node had claimed."""
        self._owners = {group: owner for group, owner in self._owners.items() if owner != node}

    def take_all(self) -> list[Task]:
        """Take all tasks that are left."""
        left = list(self._waiting)
        self._waiting.clear()
        return left

    def _compared_group(self, task: Task) -> str:
        """A key that is equal for tasks whose cases are compared with one another."""
        fields = task.case.model_dump(exclude=self._left_out)
        mode = LOOPS.get(task.case.mode, task.case.mode)
        return json.dumps([task.run, fields | {"mode": mode}], sort_keys=True)
