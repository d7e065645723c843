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
