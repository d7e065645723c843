"""Where `max` stands for a batch size, and where it is an error that says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.runner.largest_batch import smallest_cases
from anatomy.bench.suites.axis_options import parse_axes, wants_largest_batch
from anatomy.bench.suites.suite import load_suite
from tests.bench.conftest import cases_of


def test_max_stands_alone() -> None:
    assert wants_largest_batch(["max"])
    assert not wants_largest_batch(["8", "16"])
    assert not wants_largest_batch(None)
    with pytest.raises(UsageError, match="--batch-size 8,max: max tries the sizes that it needs by itself; give it"):
        wants_largest_batch(["8,max"])


def test_other_commands_and_files_say_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"command line: batch_size: .*`anatomy run MODEL --batch-size max`"):
        parse_axes({"batch_size": ["max"]})
    path = tmp_path / "mine.toml"
    path.write_text('batch_size = "max"\n[[matrix]]\nmodel = "mlp"\n')
    with pytest.raises(UsageError, match=r"`anatomy run MODEL --batch-size max`.*give numbers here"):
        load_suite(str(path))


def test_it_is_for_one_machine() -> None:
    done = CliRunner().invoke(app, ["run", "mlp", "--batch-size", "max", "--cluster", "auto"])
    assert done.exit_code == exit_codes.USAGE
    assert "leave out --cluster" in done.output


def test_a_search_begins_with_one_example_for_each_copy_of_the_weights() -> None:
    cases = cases_of(["mlp"], backend="jax", mode="train", batch_size=1, devices=[1, 4], scaling=["weak", "strong"])
    assert [(case.devices, case.batch_size) for case in smallest_cases(cases)] == [(1, 1), (4, 4)]
