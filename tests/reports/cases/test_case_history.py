"""A case's page shows its steps in the other runs of this machine that the history has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anatomy.bench.history.history_store import VARIABLE, History
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.cases import case_pages
from anatomy.reports.cases.case_history import case_histories
from anatomy.reports.run_labels import label_runs
from tests.factories import make_record

MakeRun = Callable[..., Run]


def mlp(step_s: float) -> Record:
    return make_record("mlp", steps=[step_s] * 3, speed=8 / step_s, case={"mode": "infer", "batch_size": 8})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/history.sqlite"
    monkeypatch.setenv(VARIABLE, url)
    return url


def add(store: str, *runs: Run, project: str = "mine") -> None:
    with History(store) as history:
        for one in runs:
            history.add(one, project)


@pytest.mark.long
def test_the_steps_of_all_runs_of_this_machine_are_drawn(run: MakeRun, store: str) -> None:
    runs = [run([mlp(step)], f"r{n}", identifier=f"r{n}") for n, step in enumerate((0.010, 0.012, 0.011))]
    other = run([mlp(0.5)], "other", identifier="other", cpu="Another CPU")
    add(store, *runs[:2])
    add(store, runs[2], project="another")
    add(store, other)
    (item,) = label_runs(runs[:1])
    (found,) = case_histories(item).values()
    assert sorted(found.values) == [0.010, 0.011, 0.012]
    ((_, page),) = case_pages(item)
    assert "In other runs" in page
    assert "3 runs of this machine in the history" in page


@pytest.mark.long
def test_one_run_is_no_history(run: MakeRun, store: str) -> None:
    made = run([mlp(0.01)])
    add(store, made)
    (item,) = label_runs([made])
    assert case_histories(item) == {}
    ((_, page),) = case_pages(item)
    assert "In other runs" not in page


@pytest.mark.long
def test_looking_makes_no_history_and_a_damaged_one_costs_no_page(run: MakeRun, store: str, tmp_path: Path) -> None:
    (item,) = label_runs([run([mlp(0.01)])])
    file = tmp_path / "history.sqlite"
    assert case_histories(item) == {}
    assert not file.exists()
    file.write_bytes(b"no database" * 100)
    assert case_histories(item) == {}
    assert len(list(case_pages(item))) == 1
