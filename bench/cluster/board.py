"""Which case goes to which node, and what becomes of it when the node is lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from anatomy.bench.case import LOOPS, Case

# A case that takes its node down takes down the next one as well.
MAX_TRIES = 3

# What may differ between cases that a table sets side by side.
_COMPARED = {"key", "backend", "dtype", "jit", "feed", "devices", "nodes", "model_parallel", "layout_map"}


@dataclass(frozen=True)
class Ticket:
    """One process of one case."""

    case: Case
    repeat: int = 0


@dataclass
class Board:
    """Tickets in the run's order. Cases that are compared go to one node for as long as it lives.

    Machines of one kind still differ by some per cent. Backends, dtypes, jit, numbers of devices and the processes
    of a case are therefore measured on one machine; batch sizes, modes and models spread over the nodes.
    """

    waiting: list[Ticket]
    running: dict[str, Ticket] = field(default_factory=dict)
    losses: dict[Ticket, list[str]] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Over several devices the whole batch grows with them, so that it belongs to what is compared.
        spans = any(ticket.case.devices > 1 for ticket in self.waiting)
        self._left_out = _COMPARED | ({"batch_size"} if spans else set())

    @classmethod
    def of(cls, todo: Sequence[tuple[Case, int]]) -> Board:
        """Of a run's cases and repeats that have no record."""
        return cls([Ticket(case, repeat) for case, repeat in todo])

    @property
    def done(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.waiting and not self.running

    def take(self, node: str) -> Ticket | None:
        """The next ticket for an idle node; null when all that waits belongs to other nodes."""
        for ticket in self.waiting:
            if self._owners.setdefault(self._group(ticket.case), node) == node:
                self.waiting.remove(ticket)
                self.running[node] = ticket
                return ticket
        return None

    def finish(self, node: str) -> Ticket:
        """The node has measured its ticket."""
        return self.running.pop(node)

    def lose(self, node: str, why: str, gone: bool) -> Ticket | None:
        """A node has lost what it was measuring: that waits again, first in line, unless it has had its tries.

        Args:
            gone: whether the node itself is lost, so that its groups are anyone's.

        Returns:
            A ticket that is given up.
        """
        if gone:
            self._owners = {group: owner for group, owner in self._owners.items() if owner != node}
        ticket = self.running.pop(node, None)
        if ticket is None:
            return None
        self.losses.setdefault(ticket, []).append(why)
        if len(self.losses[ticket]) >= MAX_TRIES:
            return ticket
        self.waiting.insert(0, ticket)
        return None

    def _group(self, case: Case) -> str:
        fields = case.model_dump(exclude=self._left_out)
        return json.dumps(fields | {"mode": LOOPS.get(case.mode, case.mode)}, sort_keys=True)
