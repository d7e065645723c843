"""Whatever a model does to the processes around it, its record says so, the rest is measured, and nothing is left."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import anatomy.bench as ab
from anatomy.bench.runner import worker_handle
from anatomy.bench.runner.worker_handle import LEFT_BEHIND
from tests.bench.conftest import TESTS

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("fake_server")]

HOSTILE = str(TESTS / "data" / "hostile_models.py")

REASONS = {
    "exits_with_a_reason": "SystemExit: no licence for this model",
    "exits_with_nothing": "SystemExit: 0",
    "interrupts": "KeyboardInterrupt: the user's own",
    "raises_what_is_no_exception": "Stop: not an Exception",
    "raises_what_cannot_be_shown": "ShyError: (its message cannot be had: ValueError)",
    "raises_a_surrogate": r"ValueError: cannot read data\udcff.npy",
    "forges_an_end": "the worker sent no step_s and blocks, and ended as if it had measured",
    "forges:step_s=0": "facts.step_s.0: Input should be greater than",
    "forges:step_s=-1": "facts.step_s.0: Input should be greater than",
    "forges:step_s=1e308": "facts.step_s.0: Input should be less than",
    "forges_a_setting": "the worker sent what is no record: settings: ",
}


def suite(*models: str) -> ab.Suite:
    matrix = [{"model": models, "backend": "jax", "mode": "infer", "batch_size": 4}]
    return ab.Suite.model_validate({"name": "hostile", "matrix": matrix})


def test_every_record_says_why_it_ended(tmp_path: Path) -> None:
    models = [f"{HOSTILE}:{name}" for name in REASONS]
    run = ab.run_suite(suite(*models, "mlp"), out=tmp_path / "run", steps=3, timeout_s=20)
    *bad, last = run.records
    assert (last.outcome, last.reason) == ("ok", "")
    for record, (name, reason) in zip(bad, REASONS.items(), strict=True):
        assert record.outcome == "crashed", f"{name}: {record.outcome}: {record.reason}"
        assert reason in record.reason, f"{name}: {record.reason}"


def test_a_directory_that_is_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    models = [f"{HOSTILE}:removes_its_directory", f"{HOSTILE}:fine"]
    run = ab.run_suite(suite(*models), out=tmp_path / "run", steps=3, timeout_s=20)
    first, second = run.records
    assert "RuntimeError: the directory is gone" in first.reason
    assert second.outcome == "crashed"
    assert f"No such file or directory: '{here}'" in second.reason


@pytest.mark.parametrize("ends", ["", "crash", "hang"])
@pytest.mark.parametrize("session", [False, True])
def test_what_a_model_leaves_is_killed_and_named(tmp_path: Path, session: bool, ends: str) -> None:
    place = tmp_path / "child"
    options = f"place={place},session={session}" + (f",ends={ends}" if ends else "")
    run = ab.run_suite(suite(f"{HOSTILE}:leaves:{options}"), out=tmp_path / "run", steps=3, timeout_s=8)
    (record,) = run.records
    assert record.outcome == {"": "ok", "crash": "crashed", "hang": "timeout"}[ends], record.reason
    child = int(place.read_text())
    assert not psutil.pid_exists(child)
    if session or ends != "hang":
        # With a worker that is killed goes its group; what has left that must be looked for.
        assert f"({child})" in record.checks[LEFT_BEHIND]


def test_a_process_that_a_model_forks_does_not_end_the_case(tmp_path: Path) -> None:
    run = ab.run_suite(suite(f"{HOSTILE}:forks_a_child_that_exits"), out=tmp_path / "run", steps=3, timeout_s=60)
    (record,) = run.records
    assert record.outcome == "ok", record.reason


@pytest.mark.parametrize("name", ["stops_its_server", "stops_its_server_and_ends", "floods", "chatters"])
def test_a_fork_server_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(worker_handle, "EXIT_GRACE_S", 1.0)
    begin = time.monotonic()
    # An earlier test may have started a fork server of Python's own, which stays.
    before = set(psutil.Process().children(recursive=True))
    run = ab.run_suite(suite(f"{HOSTILE}:{name}", "mlp"), out=tmp_path / "run", steps=3, timeout_s=4)
    first, second = run.records
    assert first.outcome in ("timeout", "crashed", "ok")
    assert first.outcome != "ok" or name == "stops_its_server_and_ends"
    assert second.outcome == "ok", second.reason
    assert time.monotonic() - begin < 60
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_worker_ends_with_its_fork_server(tmp_path: Path) -> None:
    place = tmp_path / "worker"
    run = ab.run_suite(suite(f"{HOSTILE}:kills_its_server:place={place}", "mlp"), out=tmp_path / "run", steps=3)
    first, second = run.records
    assert (first.outcome, second.outcome) == ("crashed", "ok")
    assert "fork server ended with status -9" in first.reason
    with suppress(psutil.NoSuchProcess):
        # It computes nothing any more; init may take a second to ask for its status.
        assert psutil.Process(int(place.read_text())).status() == psutil.STATUS_ZOMBIE
