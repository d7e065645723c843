"""The sweep itself: give cases to idle nodes, take in records as they end, give lost cases to other nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from anatomy.bench.case import Case
from anatomy.bench.cluster.board import Board, Ticket
from anatomy.bench.cluster.errors import ClusterError
from anatomy.bench.cluster.fleet import Event, Fleet, LeftOut, Lost, Measured
from anatomy.bench.cluster.parcel import unpack
from anatomy.bench.follow import Findings
from anatomy.bench.naming import case_name
from anatomy.bench.record import Placement, Record
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.store import RunWriter
from anatomy.bench.supervise import why_missing

# How often Ray is asked which nodes live.
LOOK_S = 2.0
# A lost node may come back, or another one.
PATIENCE_S = 300.0
# Of a node's id; enough to tell nodes apart in names of files.
SHORT_ID = 12


class Watcher(Protocol):
    """Told what happens."""

    def begin(self, case: Case, name: str) -> None:
        """A case was given to a node."""

    def end(self, record: Record) -> None:
        """A case has its record, already on disk."""

    def note(self, text: str) -> None:
        """Something happened to a node."""


@dataclass
class Sweep:
    """One sweep. `records()` does it.

    Attributes:
        settings: how every case is measured.
        fingerprint: of the nodes.
        patience_s: how long to wait for a node when none is left.
    """

    board: Board
    fleet: Fleet
    settings: MeasureSettings
    writer: RunWriter
    watcher: Watcher
    fingerprint: str
    patience_s: float = PATIENCE_S

    def records(self) -> Iterator[Record]:
        """Each record as its case ends, on disk with the case's files before it is yielded.

        Raises:
            ClusterError: no node is left and none has come; what is missing has no record.
        """
        manned_at_s = time.monotonic()
        while not self.board.done:
            self._hand_out()
            if self.fleet.joined:
                manned_at_s = time.monotonic()
            elif time.monotonic() - manned_at_s > self.patience_s:
                raise ClusterError(
                    f"no node is left, and none has come within {self.patience_s:.0f} s; {len(self.board.waiting)} wait"
                )
            for event in self.fleet.wait(LOOK_S):
                record = self._heard(event)
                if record is not None:
                    self.writer.append(record)
                    self.watcher.end(record)
                    yield record

    def _hand_out(self) -> None:
        for node in self.fleet.idle():
            ticket = self.board.take(node)
            if ticket is not None:
                self.watcher.begin(ticket.case, case_name(ticket.case))
                self.fleet.begin(node, ticket.case, ticket.repeat, self.settings)

    def _heard(self, event: Event) -> Record | None:
        """The record that the event makes, if it makes one."""
        short = event.node[:SHORT_ID]
        if isinstance(event, Measured):
            ticket = self.board.finish(event.node)
            unpack(event.parcel, self.writer.path, short)
            lost = self.board.losses.get(ticket, [])
            return event.record.model_copy(update={"placement": Placement(host=event.host, node=short, lost=lost)})
        if isinstance(event, LeftOut):
            self.watcher.note(f"not used: {event.host} ({short}): {event.why}")
            self.board.lose(event.node, event.why, gone=True)
            return None
        return self._after_loss(event, f"{event.host} ({short}): {event.why}")

    def _after_loss(self, event: Lost, what: str) -> Record | None:
        ticket = self.board.running.get(event.node)
        given_up = self.board.lose(event.node, what, event.gone)
        if ticket is None:
            self.watcher.note(f"lost: {what}")
        elif given_up is None:
            self.watcher.note(f"lost: {what}; {case_name(ticket.case)} waits for another try")
        return self._given_up(given_up) if given_up is not None else None

    def _given_up(self, ticket: Ticket) -> Record:
        losses = self.board.losses[ticket]
        reason = f"given up after {len(losses)} tries, each lost with its node: {'; '.join(losses)}"
        findings = Findings(outcome="crashed", reason=reason)
        return Record(
            case=ticket.case,
            name=case_name(ticket.case),
            outcome="crashed",
            reason=reason,
            repeat=ticket.repeat,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=self.fingerprint,
            not_measured=why_missing(ticket.case, findings),
            placement=Placement(lost=losses),
        )
