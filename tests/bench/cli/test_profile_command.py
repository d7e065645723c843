"""`anatomy profile`: what it refuses, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import PROFILES_FILE, Profile, append_profile, read_profiles
from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RECORDS_FILE
from anatomy.bench.runner.session import Session
from tests.factories import make_record, make_run


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
    make_run(tmp_path / "run", [make_record("mlp")])
    said = ask(tmp_path / "run", "--backend", "jax")
    assert said.exit_code == exit_codes.USAGE
    assert f"continue it: anatomy run --resume {tmp_path / 'run'}" in said.output


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three whose second case is interrupted while it is profiled: it has a record, and no profile."""

    def measure(session: Session, case: Case, listener: object, repeat: int = 0) -> Record:
        record = make_record("mlp").model_copy(update={"case": case, "name": f"mlp b{case.batch_size}"})
        session.writer.append(record)
        return record

    def profile(session: Session, record: Record, ceilings: object = ()) -> Profile:
        taken = Profile(case=record.case, name=record.name, step=1e-3)
        append_profile(session.writer.path, taken)
        return taken

    def interrupt(session: Session, record: Record, ceilings: object = ()) -> Profile:
        if record.case.batch_size == 2:
            raise KeyboardInterrupt
        return profile(session, record)

    monkeypatch.setattr(Session, "measure", measure)
    monkeypatch.setattr(Session, "profile", interrupt)
    folder = tmp_path / "run"
    options = ["--backend", "jax", "--mode", "infer", "--batch-size", "1,2,3", "--json", "--out", str(folder)]
    said = CliRunner().invoke(app, ["profile", "mlp", *options])
    assert said.exit_code == exit_codes.INTERRUPTED
    assert f"the rest: anatomy run --resume {folder}" in said.stderr
    assert len(said.stdout.splitlines()) == 1
    monkeypatch.setattr(Session, "profile", profile)
    return folder


@pytest.mark.long
def test_ctrl_c_finishes_what_there_is(interrupted: Path) -> None:
    assert (interrupted / "report.html").stat().st_size > 0
    assert list(interrupted.rglob("events.out.tfevents.*"))


@pytest.mark.long
def test_resuming_takes_the_profiles_that_are_missing(interrupted: Path) -> None:
    said = CliRunner().invoke(app, ["run", "--resume", str(interrupted), "--no-history", "--no-report"])
    assert said.exit_code == exit_codes.OK, said.output
    assert [profile.case.batch_size for profile in read_profiles(interrupted)] == [1, 2, 3]
    assert [record.case.batch_size for record in read_records(interrupted / RECORDS_FILE)] == [1, 2, 3]


@pytest.mark.long
def test_the_report_is_renewed_for_profiles_alone(interrupted: Path) -> None:
    CliRunner().invoke(app, ["run", "--resume", str(interrupted), "--no-history", "--no-report"])
    kept = (interrupted / PROFILES_FILE).read_text().splitlines(keepends=True)
    (interrupted / PROFILES_FILE).write_text("".join(kept[:-1]))
    (interrupted / "report.html").unlink()
    said = CliRunner().invoke(app, ["run", "--resume", str(interrupted), "--no-history"])
    assert said.exit_code == exit_codes.OK, said.output
    assert (interrupted / "report.html").stat().st_size > 0
    assert len(read_profiles(interrupted)) == 3
