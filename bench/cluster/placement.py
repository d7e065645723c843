"""Which case goes to which node, and what becomes of one whose node is lost. No Ray in here."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from anatomy.bench.case import Case

# A case that has taken so many nodes with it is not tried on another.
MOST_TRIES = 3


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

    def why_not(self, node: Node) -> str:
        """Why this node cannot measure it; empty where it can. A node without GPUs measures on its CPU."""
        if self.machine_type and node.machine_type != self.machine_type:
            return f"{node.host} is of the type {node.machine_type or '(none)'}, not {self.machine_type}"
        if node.gpus and self.case.devices > node.gpus:
            return f"{node.host} has {node.gpus:g} GPUs, and {self.case.devices} are needed"
        if self.memory_bytes > node.memory_bytes:
            has, needs = node.memory_bytes / 2**30, self.memory_bytes / 2**30
            return f"{node.host} has {has:.1f} GiB, and {needs:.1f} are needed"
        return ""


class Queue:
    """What is still to be measured, in order; the first task that an idle node can measure goes to it."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting = deque(tasks)

    def __len__(self) -> int:
        return len(self._waiting)

    def next_for(self, node: Node) -> Task | None:
        """Take the first task that this node can measure; null where there is none."""
        for task in self._waiting:
            if not task.why_not(node):
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

    def impossible(self, nodes: Collection[Node]) -> list[tuple[Task, str]]:
        """Tasks that none of these nodes can measure, with what each node lacks."""
        return [
            (task, "; ".join(task.why_not(node) for node in nodes) or "no node")
            for task in self._waiting
            if all(task.why_not(node) for node in nodes)
        ]

    def take_all(self) -> list[Task]:
        """Everything that is left."""
        left = list(self._waiting)
        self._waiting.clear()
        return left
