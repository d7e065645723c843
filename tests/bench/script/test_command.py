"""`anatomy script` on a run's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.records.run_store import write_script
from tests.factories import make_record, make_run

SCRIPT = '"""A figure.\n"""\n\nprint(1)\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with a measured case that has a script, and a crashed one without."""
    measured = make_record("mlp", speed=1000.0, steps=[0.01], case={"batch_size": 10})
    crashed = make_record("lstm", outcome="crashed", reason="RuntimeError: no")
    path = make_run(tmp_path / "anatomy-runs" / "2026-01-01T00-00-00Z", [measured, crashed]).path
    write_script(path, measured.key, SCRIPT)
    return path


def test_prints_the_script_with_its_figure(folder: Path) -> None:
    done = CliRunner().invoke(app, ["script", "mlp", "train", "--run", str(folder)])
    assert done.exit_code == exit_codes.OK
    assert done.stdout.endswith(SCRIPT.partition("\n")[2])
    assert "1000 examples/s, median step 10 ms" in done.stdout


def test_the_newest_run_is_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parents[1])
    done = CliRunner().invoke(app, ["script", "MLP", "--json"])
    assert done.exit_code == exit_codes.OK
    assert json.loads(done.stdout)["name"].startswith("mlp")


def test_a_crashed_case_says_why(folder: Path) -> None:
    done = CliRunner().invoke(app, ["script", "lstm", "--run", str(folder)])
    assert done.exit_code == exit_codes.NOT_ALL_MEASURED
    assert "has no script: crashed: RuntimeError: no" in done.stderr


@pytest.mark.parametrize("words", [["train"], ["unheard-of"]])
def test_no_one_record_is_a_usage_error(words: list[str], folder: Path) -> None:
    done = CliRunner().invoke(app, ["script", *words, "--run", str(folder)])
    assert done.exit_code == exit_codes.USAGE
    assert "mlp" in done.stderr


def test_without_runs_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["script", "mlp"])
    assert done.exit_code == exit_codes.USAGE
    assert "anatomy run" in done.stderr
