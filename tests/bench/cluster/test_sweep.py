"""The sweep over a scripted fleet: records on disk as they end, lost cases tried again, an end when no node is left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from anatomy.bench.case import Case
from anatomy.bench.cluster.board import MAX_TRIES, Board
from anatomy.bench.cluster.errors import ClusterError
from anatomy.bench.cluster.fleet import Event, LeftOut, Lost, Measured
from anatomy.bench.cluster.sweep import Sweep
from anatomy.bench.naming import case_name
from anatomy.bench.record import Record
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.store import RECORDS_FILE, RunWriter, read_records

CASES = [Case(model="mlp", options={"hidden": size}, backend="jax") for size in range(1, 5)]


class Scripted:
    """Nodes that measure at once; `deaths` says how often each loses its case first, and whether it then is gone."""

    def __init__(self, nodes: Sequence[str], deaths: dict[str, bool] | None = None, every_time: bool = False) -> None:
        self._nodes = list(nodes)
        self._deaths = dict(deaths or {})
        self._every_time = every_time
        self._running: dict[str, tuple[Case, int]] = {}
        self.begun: list[tuple[str, Case]] = []

    @property
    def joined(self) -> int:
        return len(self._nodes)

    def idle(self) -> Sequence[str]:
        return [node for node in self._nodes if node not in self._running]

    def begin(self, node: str, case: Case, repeat: int, settings: MeasureSettings) -> None:
        assert node not in self._running, "two cases on one node"
        self._running[node] = (case, repeat)
        self.begun.append((node, case))

    def wait(self, timeout_s: float) -> Sequence[Event]:
        events: list[Event] = []
        for node, (case, repeat) in list(self._running.items()):
            del self._running[node]
            if node in self._deaths:
                gone = self._deaths[node] if self._every_time else self._deaths.pop(node)
                if gone:
                    self._nodes.remove(node)
                events.append(Lost(node, "host", "killed", gone))
            else:
                record = Record(
                    case=case, name=case_name(case), outcome="ok", started_at="2026-01-01T00:00:00Z", repeat=repeat
                )
                events.append(Measured(node, f"host of {node}", record, {f"logs/{case.key}.log": b"output"}))
        return events


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.ended: list[str] = []

    def begin(self, case: Case, name: str) -> None:
        pass

    def end(self, record: Record) -> None:
        self.ended.append(record.key)

    def note(self, text: str) -> None:
        self.notes.append(text)


def sweep_of(fleet: Scripted, folder: Path, notes: Notes, patience_s: float = 0.0) -> Sweep:
    board = Board.of([(case, 0) for case in CASES])
    return Sweep(board, fleet, MeasureSettings(), RunWriter(folder), notes, "abc", patience_s)


def test_each_record_is_on_disk_with_its_files_before_it_is_handed_on(tmp_path: Path) -> None:
    notes = Notes()
    for number, record in enumerate(sweep_of(Scripted(["a", "b"]), tmp_path, notes).records(), start=1):
        assert read_records(tmp_path / RECORDS_FILE)[-1] == record
        assert len(read_records(tmp_path / RECORDS_FILE)) == number
        assert (tmp_path / "logs" / f"{record.key}.log").read_bytes() == b"output"
        assert record.placement is not None
        assert record.placement.host == f"host of {record.placement.node}"
    assert sorted(notes.ended) == sorted(case.key for case in CASES)


def test_the_case_of_a_lost_node_is_measured_on_another_and_says_so(tmp_path: Path) -> None:
    notes = Notes()
    records = list(sweep_of(Scripted(["a", "b"], {"a": True}), tmp_path, notes).records())
    assert sorted(record.key for record in records) == sorted(case.key for case in CASES)
    (retried,) = [r.placement for r in records if r.placement and r.placement.lost]
    assert (retried.node, retried.lost) == ("b", ["host (a): killed"])
    assert notes.notes == [f"lost: host (a): killed; {case_name(CASES[0])} waits for another try"]


def test_a_case_that_is_lost_every_time_is_given_up_and_the_rest_goes_on(tmp_path: Path) -> None:
    fleet = Scripted(["a"], {"a": False}, every_time=True)
    records = list(sweep_of(fleet, tmp_path, Notes()).records())
    assert [record.outcome for record in records] == ["crashed"] * len(CASES)
    assert len(fleet.begun) == MAX_TRIES * len(CASES)
    for record in records:
        assert record.reason.startswith(f"given up after {MAX_TRIES} tries")
        assert record.placement is not None
        assert (record.placement.host, len(record.placement.lost)) == (None, MAX_TRIES)
        assert record.not_measured["step_s"]


def test_when_no_node_is_left_what_was_measured_stays_and_the_rest_has_no_record(tmp_path: Path) -> None:
    sweep = sweep_of(Scripted(["a"], {"a": True}), tmp_path, Notes())
    with pytest.raises(ClusterError, match=f"no node is left.*{len(CASES)} wait"):
        list(sweep.records())
    assert not (tmp_path / RECORDS_FILE).exists()


def test_a_node_that_drops_out_frees_what_was_kept_for_it(tmp_path: Path) -> None:
    class DropsOut(Scripted):
        def wait(self, timeout_s: float) -> Sequence[Event]:
            if "a" in self._nodes:
                self._nodes.remove("a")
                del self._running["a"]
                return [LeftOut("a", "host", "another kind")]
            return super().wait(timeout_s)

    notes = Notes()
    records = list(sweep_of(DropsOut(["a", "b"]), tmp_path, notes).records())
    assert sorted(record.key for record in records) == sorted(case.key for case in CASES)
    assert notes.notes == ["not used: host (a): another kind"]
