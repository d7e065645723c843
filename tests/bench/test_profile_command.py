"""`anatomy profile`: what it refuses, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anatomy.bench.case import Case
from anatomy.bench.cli import exit_codes
from anatomy.bench.cli.main import app
from anatomy.bench.profiling.result import Profile, append_profile
from anatomy.bench.record import Record
from anatomy.bench.session import Session
from tests.reports.conftest import build_record, build_run


def ask(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["profile", "mlp", "--out", str(folder), "--no-report", *arguments])


def test_the_largest_batch_is_not_searched_for(tmp_path: Path) -> None:
    said = ask(tmp_path / "run", "--batch-size", "max")
    assert said.exit_code == exit_codes.USAGE
    assert "anatomy run MODEL --batch-size max, then profile it: anatomy profile MODEL --batch-size N" in said.output
    assert not (tmp_path / "run").exists()


def test_a_limit_of_memory_is_read_as_run_reads_it(tmp_path: Path) -> None:
    said = ask(tmp_path / "run", "--memory-limit", "plenty")
    assert said.exit_code == exit_codes.USAGE
    assert said.output.startswith("anatomy profile: ")
    assert "plenty" in said.output
    assert not (tmp_path / "run").exists()


def test_what_a_loop_reads_is_one_of_the_known_feeds(tmp_path: Path) -> None:
    said = ask(tmp_path / "run", "--mode", "fit", "--feed", "sockets")
    assert said.exit_code == exit_codes.USAGE
    assert said.output.startswith("anatomy profile: ")
    assert "sockets" in said.output


def test_a_folder_with_a_run_is_continued_by_a_command_that_exists(tmp_path: Path) -> None:
    build_run(tmp_path / "run", [build_record("mlp")])
    said = ask(tmp_path / "run", "--backend", "jax")
    assert said.exit_code == exit_codes.USAGE
    assert f"continue it: anatomy run --resume {tmp_path / 'run'}" in said.output


def test_ctrl_c_finishes_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second case is interrupted while it is profiled: it has a record, and no profile."""
    profiled: list[Record] = []

    def measure(session: Session, case: Case, listener: object, repeat: int = 0) -> Record:
        record = build_record("mlp").model_copy(update={"case": case, "name": f"mlp b{case.batch_size}"})
        session.writer.append(record)
        return record

    def profile(session: Session, record: Record, ceilings: object = ()) -> Profile:
        if profiled:
            raise KeyboardInterrupt
        profiled.append(record)
        taken = Profile(case=record.case, name=record.name, step=1e-3)
        append_profile(session.writer.path, taken)
        return taken

    monkeypatch.setattr(Session, "measure", measure)
    monkeypatch.setattr(Session, "profile", profile)
    folder = tmp_path / "run"
    options = ["--backend", "jax", "--mode", "infer", "--batch-size", "1,2,3", "--json", "--out", str(folder)]
    said = CliRunner().invoke(app, ["profile", "mlp", *options])
    assert said.exit_code == exit_codes.INTERRUPTED
    assert f"the rest: anatomy run --resume {folder}" in said.stderr
    assert len(said.stdout.splitlines()) == 1
    assert (folder / "report.html").stat().st_size > 0
    assert list(folder.rglob("events.out.tfevents.*"))
