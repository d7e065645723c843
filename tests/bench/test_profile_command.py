"""`anatomy profile`: what it refuses, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from anatomy.bench.cli import exit_codes
from anatomy.bench.cli.main import app


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
