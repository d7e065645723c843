"""Measure a run that is open: every case in turn, each record and profile on disk before the next begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from anatomy.bench.machine.temporary_folders import remove_abandoned
from anatomy.bench.records.batch_sizes import BatchSizes
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.caveats import DISTURBED, caveats_of
from anatomy.bench.records.machine_look import busy_sentence
from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RECORDS_FILE
from anatomy.bench.runner.application_records import parts
from anatomy.bench.runner.largest_batch import keep_searches, known_of, measure_largest
from anatomy.bench.runner.look_at_machine import disturbances_now, look_at_machine
from anatomy.bench.runner.nodes.coordinator import join_nodes
from anatomy.bench.runner.nodes.launcher import Place
from anatomy.bench.runner.open_run import OpenRun
from anatomy.bench.runner.session import Listener, Session, Silent


class RunListener(Listener, Protocol):
    """Told what happens in a run."""

    def profiled(self, profile: Profile) -> None:
        """A case has its profile, already on disk."""

    def searched(self, sizes: BatchSizes) -> None:
        """A search for the largest batch has ended."""

    def disturbed(self, what: str) -> None:
        """Others use the machine, before the next case begins: who, and how much."""


class SilentRun(Silent):
    """A run listener that does nothing."""

    def profiled(self, profile: Profile) -> None:
        """Ignore."""

    def searched(self, sizes: BatchSizes) -> None:
        """Ignore."""

    def disturbed(self, what: str) -> None:
        """Ignore."""


@dataclass
class FinishedRun:
    """A run that has ended, or was stopped; what was finished is on disk either way.

    Attributes:
        path: its folder.
        planned: how many cases were to be measured this time.
        records: of this time, in order; of a search the final ones.
        profiles: taken this time.
        searches: what the searches for the largest batch found.
        interrupted: whether Ctrl-C ended it.
        stopped: why it ended before its end, where not by Ctrl-C; empty otherwise.
    """

    path: Path
    planned: int
    records: list[Record] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    searches: list[BatchSizes] = field(default_factory=list)
    interrupted: bool = False
    stopped: str = ""

    @property
    def measured(self) -> int:
        """How many records have figures."""
        return sum(record.outcome == "ok" for record in self.records)

    @property
    def profiled(self) -> int:
        """How many profiles have figures."""
        return sum(profile.outcome == "ok" for profile in self.profiles)


def measure_run(run: OpenRun, listener: RunListener, place: Place | None = None) -> FinishedRun:
    """Measure what the run has no record of, until it is done or interrupted by Ctrl-C.

    Args:
        run: an open run.
        listener: told what happens.
        place: this process's among the nodes that share cases; `None` for a run on one node.
    """
    done = FinishedRun(run.writer.path, planned=len(run.todo))
    try:
        remove_abandoned()
        _look(run, "start", listener)
        with (
            join_nodes(place) as nodes,
            Session(run.writer, run.settings, run.environment, run.directory, run.import_paths, nodes) as session,
        ):
            if run.largest_batch:
                _search(run, session, listener, done)
            else:
                _measure(run, session, listener, done)
        _look(run, "end", listener)
    except KeyboardInterrupt:
        done.interrupted = True
    finally:
        run.writer.close()
    return done


def _look(run: OpenRun, at: Literal["start", "end"], listener: RunListener) -> None:
    """Keep what else runs on the machine, now that no worker does; nothing where nothing is to be measured."""
    if not run.todo and not run.unprofiled:
        return
    look = look_at_machine(run.writer.path, at)
    if at == "start" and (said := busy_sentence([look])):
        listener.disturbed(said)


def _measure(run: OpenRun, session: Session, listener: RunListener, done: FinishedRun) -> None:
    for record in run.unprofiled:
        _profile(record, run, session, listener, done)
    for part in parts(run.todo):
        if part.is_application:
            session.run_application(part, listener, done.records.append)
            continue
        (case,), repeat = part
        if done.records and DISTURBED in caveats_of(done.records[-1]) and (said := disturbances_now()):
            listener.disturbed(f"busy before this case: {said}")
        record = session.measure(case, listener, repeat)
        done.records.append(record)
        if run.settings.profile and repeat == 0 and case.mode != "count":
            _profile(record, run, session, listener, done)


def _profile(record: Record, run: OpenRun, session: Session, listener: RunListener, done: FinishedRun) -> None:
    profile = session.profile(record, run.ceilings)
    done.profiles.append(profile)
    listener.profiled(profile)


def _search(run: OpenRun, session: Session, listener: RunListener, done: FinishedRun) -> None:
    """Search the largest batch of each case; every try is a record, and a resumed search takes those as they are."""
    known = known_of(read_records(run.writer.path / RECORDS_FILE))
    for case, _ in run.todo:
        if case.mode == "count":
            done.records.append(known.tries.get(case.key) or session.measure(case, listener))
            continue
        sizes, records = measure_largest(session, case, listener, known)
        done.records += records
        done.searches.append(sizes)
        keep_searches(run.writer.path, done.searches)
        listener.searched(sizes)
