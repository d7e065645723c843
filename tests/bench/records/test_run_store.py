"""Runs on disk: appended line by line, read back whole, torn lines and damage told apart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block
from anatomy.bench.records.run_store import RECORDS_FILE, RunWriter, load_run
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import machine_table
from tests.factories import make_bare_record, make_case, make_header, make_record, make_run


def test_records_come_back_in_planned_order(tmp_path: Path) -> None:
    writer = RunWriter.create(
        tmp_path / "run", make_header(make_case(batch_size=1), make_case(batch_size=2), make_case(batch_size=3))
    )
    writer.append(make_bare_record(3))
    writer.append(make_bare_record(1, step_s=[0.1, 0.3], blocks=[Block(steps=2, seconds=0.3)]))
    run = load_run(tmp_path / "run")
    assert [r.case.batch_size for r in run.records] == [1, 3]
    assert run.records[0].step_s == [0.1, 0.3]
    assert run.remaining == [(make_case(batch_size=2), 0)]


def test_a_later_record_of_a_case_supersedes(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, make_header(make_case()))
    writer.append(make_bare_record(outcome="crashed", reason="x"))
    writer.append(make_bare_record())
    assert [r.outcome for r in load_run(tmp_path).records] == ["ok"]


def test_a_torn_last_line_is_not_measured_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, make_header(make_case(batch_size=1), make_case(batch_size=2)))
    writer.append(make_bare_record(1))
    with (tmp_path / RECORDS_FILE).open("a") as file:
        file.write('{"schema_version": 1, "case"')
    assert load_run(tmp_path).remaining == [(make_case(batch_size=2), 0)]
    writer.append(make_bare_record(2))
    assert load_run(tmp_path).remaining == []


def test_a_case_that_a_dataset_gave_another_batch_size_is_measured(tmp_path: Path) -> None:
    planned = make_case(batch_size=32), make_case(batch_size=32, mode="infer")
    for name, settings, left in (("own", {"batch_of_dataset": True}, 1), ("given", {}, 2)):
        writer = RunWriter.create(tmp_path / name, make_header(*planned, settings=settings))
        writer.append(make_bare_record(8))
        run = load_run(tmp_path / name)
        assert [case.mode for case, _ in run.remaining] == ["train", "infer"][-left:]
        assert [record.case.batch_size for record in run.records] == [8]


def test_settings_keep_their_kinds(tmp_path: Path) -> None:
    settings = {"profile": False, "batch_of_dataset": True, "processes": 3, "seconds": 2.0, "cpus": None, "other": "a"}
    RunWriter.create(tmp_path, make_header(settings=settings))
    stored = load_run(tmp_path)
    assert stored.header.settings == settings
    assert list(map(type, stored.header.settings.values())) == [bool, bool, int, float, type(None), str]
    facts = machine_table(label_runs([stored])).frame.set_index("fact").iloc[:, 0]
    assert {"no", "yes", "3"} <= set(facts)


def test_other_damage_names_file_and_line(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, make_header(make_case())).append(make_bare_record())
    with (tmp_path / RECORDS_FILE).open("a") as file:
        file.write("not json\n")
    with pytest.raises(UsageError, match=r"records.jsonl, line 2 is not a record"):
        load_run(tmp_path)


def test_a_newer_format_says_upgrade(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, make_header(make_case()))
    (tmp_path / RECORDS_FILE).write_text('{"schema_version": 99}\n')
    with pytest.raises(UsageError, match="upgrade"):
        load_run(tmp_path)


def test_no_run_and_no_overwriting(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        load_run(tmp_path)
    RunWriter.create(tmp_path, make_header())
    with pytest.raises(UsageError, match="already holds a run"):
        RunWriter.create(tmp_path, make_header())


@given(
    steps=st.lists(st.floats(1e-7, 1e3), min_size=1, max_size=300),
    blocks=st.lists(st.tuples(st.integers(1, 100), st.floats(1e-6, 1e3)), min_size=1, max_size=9),
)
def test_derived_figures_survive_the_round_trip(steps: list[float], blocks: list[tuple[int, float]]) -> None:
    before = make_bare_record(7, step_s=steps, blocks=[Block(steps=n, seconds=s) for n, s in blocks])
    after = Record.model_validate_json(before.model_dump_json())
    assert after == before
    assert after.throughput_examples_per_s == before.throughput_examples_per_s
    assert after.step_median_s is not None
    assert after.step_p90_s is not None
    assert min(steps) <= after.step_median_s <= after.step_p90_s <= max(steps)
    assert (after.step_p99_s is None) == (len(steps) < 100)


def test_throughput_is_batch_over_median_seconds_per_step_of_the_longer_blocks() -> None:
    blocks = [(2, 9.0), (4, 1.0), (4, 2.0), (2, 9.0), (4, 4.0)]
    made = make_bare_record(10, blocks=[Block(steps=steps, seconds=seconds) for steps, seconds in blocks])
    assert made.throughput_examples_per_s == 20.0


def test_key_is_the_same_everywhere() -> None:
    one = Case(model="vgg", options={"depth": 11, "classes": 10})
    other = Case(model="vgg", options={"classes": 10, "depth": 11})
    # Written down: a change of the key would orphan every stored record.
    assert one.key == other.key == "bb101a8f10ff"
    assert make_case(batch_size=1).key != make_case(batch_size=2).key


@pytest.mark.parametrize("processes", [" ", -1, 1.5, 10**9, float("inf")])
def test_a_number_of_processes_that_is_none_is_refused(processes: object, tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", make_header(make_case(), settings={"processes": 3}))
    writer.close()
    run = load_run(tmp_path / "run")
    assert len(run.remaining) == 3
    settings = run.header.settings | {"processes": processes}
    damaged = run.model_copy(update={"header": run.header.model_copy(update={"settings": settings})})
    with pytest.raises(UsageError, match=r"run\.json: processes = .*expected a whole number from 1 to 10,000"):
        _ = damaged.remaining


@pytest.mark.parametrize("compact", [False, True])
def test_a_pipe_in_the_place_of_the_records_is_refused_and_not_waited_for(tmp_path: Path, compact: bool) -> None:
    folder = make_run(tmp_path / "run", [make_record()]).path
    (folder / RECORDS_FILE).unlink()
    os.mkfifo(folder / RECORDS_FILE)
    with pytest.raises(UsageError, match=r"records\.jsonl: expected a file"):
        load_run(folder, compact=compact)
