"""Which case goes to which node, and what becomes of one whose node is lost. No Ray in here."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from anatomy.bench.records.case import LOOPS, Case

# A case that has taken so many nodes with it is not tried on another.
MOST_TRIES = 3
# What may differ between cases that a table sets side by side.
_COMPARED = {"key", "backend", "dtype", "jit", "feed", "devices", "nodes", "model_parallel", "layout_map"}


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, as Ray describes it.

    Attributes:
        id: Ray's, new for each life of a node.
        memory_bytes: what Ray may give away.
        machine_type: its label `machine-type`, else Ray's `ray.io/accelerator-type`, else empty.
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
        machine_type: of the node that may measure it; empty for any.
        memory_bytes: that its worker may use, where that was asked for.
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
    """What is still to be measured, in order; the first task that an idle node can measure goes to it.

    Machines of one kind still differ by some per cent. Cases that are compared (backends, dtypes, jit, numbers of
    devices, a step and the loop around it, the processes of a case) therefore go to one node for as long as it lives.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting = deque(tasks)
        self._owners: dict[str, Node] = {}
        # Over several devices the whole batch grows with them, so that it belongs to what is compared.
        spans = any(task.case.devices > 1 for task in self._waiting)
        self._left_out = _COMPARED | ({"batch_size"} if spans else set())

    def __len__(self) -> int:
        return len(self._waiting)

    def next_for(self, node: Node) -> Task | None:
        """Take the first task that this node can measure and that is not another's; null where there is none."""
        for task in self._waiting:
            row = self._row(task)
            owner = self._owners.get(row, node)
            if not task.unsupported_reason(node) and (owner == node or task.unsupported_reason(owner)):
                self._owners.setdefault(row, node)
                self._waiting.remove(task)
                return task
        return None

    def give_back(self, task: Task, host: str) -> bool:
        """Its node was lost: it comes first again, or is given up (false) after `MOST_TRIES`."""
        task.lost.append(host)
        if len(task.lost) >= MOST_TRIES:
            return False
        self._waiting.appendleft(task)
        return True

    def release(self, node: Node) -> None:
        """What was kept for a node that is lost is any node's."""
        self._owners = {row: owner for row, owner in self._owners.items() if owner != node}

    def impossible(self, nodes: Collection[Node]) -> list[tuple[Task, str]]:
        """Tasks that none of these nodes can measure, with what each node lacks."""
        return [
            (task, "; ".join(str(task.unsupported_reason(node)) for node in nodes) or "no node")
            for task in self._waiting
            if all(task.unsupported_reason(node) for node in nodes)
        ]

    def take_all(self) -> list[Task]:
        """Everything that is left."""
        left = list(self._waiting)
        self._waiting.clear()
        return left

    def _row(self, task: Task) -> str:
        fields = task.case.model_dump(exclude=self._left_out)
        mode = LOOPS.get(task.case.mode, task.case.mode)
        return json.dumps([task.run, fields | {"mode": mode}], sort_keys=True)
