"""What a sweep needs of a cluster; `ray_fleet` is the one there is, tests have another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from anatomy.bench.case import Case
from anatomy.bench.cluster.parcel import Parcel
from anatomy.bench.record import Record
from anatomy.bench.settings import MeasureSettings


@dataclass(frozen=True)
class Measured:
    """A node has measured its case."""

    node: str
    host: str
    record: Record
    parcel: Parcel


@dataclass(frozen=True)
class Lost:
    """What measured on a node is lost. `gone`: the node itself is."""

    node: str
    host: str
    why: str
    gone: bool


@dataclass(frozen=True)
class LeftOut:
    """A node that is there and is not used."""

    node: str
    host: str
    why: str


Event = Measured | Lost | LeftOut


class Fleet(Protocol):
    """The nodes of a sweep."""

    @property
    def joined(self) -> int:
        """How many can measure, or do."""

    def idle(self) -> Sequence[str]:
        """Those that could take a case now."""

    def begin(self, node: str, case: Case, repeat: int, settings: MeasureSettings) -> None:
        """Let an idle node measure."""

    def wait(self, timeout_s: float) -> Sequence[Event]:
        """What has happened, at the latest after `timeout_s`; nodes that have come are among the idle ones then."""
